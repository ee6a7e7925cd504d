#pragma once
// The names of Boost.Asio as this folder uses them: everything on the concrete executor. Internal to net/.

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <chrono>

#include "net/task.h"

namespace hearth::net {

namespace asio = boost::asio;

inline constexpr asio::use_awaitable_t<Executor> kUseTask;

using ErrorCode = boost::system::error_code;
using SteadyTimer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace hearth::net
