#pragma once
// Task<T>: a coroutine on a Loop. The only names of Boost.Asio that other folders see are behind these aliases.
//
// Parameters of a coroutine are values, or references to objects its caller keeps alive until it ends. No capturing
// lambda is itself a coroutine. A value built for a call inside a `co_await` statement is named on a line before.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

namespace hearth::net {

using Executor = boost::asio::io_context::executor_type;

template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

}  // namespace hearth::net

namespace hearth {
using net::Task;
}
