#pragma once
// Gate: owns background tasks, so that everything started can be stopped.
//
// spawn() runs a task under the gate; close() refuses new ones; drained() waits until the last has ended. Tasks learn
// of the closing by whatever they wait on (their owner cancels it) or by is_closed().

#include <cstddef>
#include <memory>

#include "net/loop.h"
#include "net/task.h"

namespace hearth::net {

class Gate {
 public:
  // `loop` outlives the gate.
  explicit Gate(Loop& loop);
  ~Gate();  // all tasks have ended: drained() was awaited, or the loop no longer runs
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // False, and the task is destroyed unstarted, once the gate is closed.
  bool spawn(Task<> task);
  void close();
  bool is_closed() const;
  // Tasks that have not ended.
  std::size_t running() const;
  // Waits until no task is left; any number of waiters.
  Task<> drained();
  // The same, at most until `deadline`. False if tasks are left then.
  Task<bool> drained_until(SteadyTime deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
  Loop& loop_;
};

}  // namespace hearth::net
