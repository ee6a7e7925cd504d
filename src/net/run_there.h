#pragma once
// run_there: from one loop to another and back: a task runs on a loop that is not the caller's.
//
// A hand-off between threads costs about 45 us on a virtual machine; where both loops are one there is none, and the
// task is awaited as if called.

#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "net/loop.h"
#include "net/one_shot.h"
#include "net/task.h"

namespace hearth::net {

template <class Task>
struct TaskValue;
template <class T>
struct TaskValue<Task<T>> {
  using Type = T;
};

template <class T>
using Carried = std::expected<T, std::exception_ptr>;

// The half of run_there() on the other loop. `make` lives as long as its task.
template <class T, class Make>
Task<> carry(Loop& here, std::shared_ptr<OneShot<std::unique_ptr<Carried<T>>>> done, Make make) {
  auto outcome = std::make_unique<Carried<T>>(std::unexpected(std::exception_ptr()));
  try {
    *outcome = co_await make();
  } catch (...) {
    *outcome = std::unexpected(std::current_exception());
  }
  here.post([done = std::move(done), outcome = std::move(outcome)]() mutable { done->set(std::move(outcome)); });
}

// Calls `make` on `there`'s thread, which returns a Task of a value, runs that to its end there, and resumes the
// caller, who is on `here`, with the value or the exception. Nothing that `make` and its task touch may belong to
// `here`; what they hold is moved over and destroyed there. Both loops outlive the call, and `there` runs until it has
// answered: whoever stops it awaits its callers first.
template <class Make, class T = typename TaskValue<std::invoke_result_t<Make&>>::Type>
Task<T> run_there(Loop& here, Loop& there, Make make) {
  if (&here == &there) co_return co_await make();
  const auto done = std::make_shared<OneShot<std::unique_ptr<Carried<T>>>>(here.executor());
  there.post([&here, &there, done = done, make = std::move(make)]() mutable {
    there.spawn(carry<T, Make>(here, std::move(done), std::move(make)));
  });
  const std::unique_ptr<Carried<T>> outcome = co_await done->wait();
  if (!*outcome) std::rethrow_exception(outcome->error());
  co_return std::move(**outcome);
}

}  // namespace hearth::net
