#pragma once
// TreeMeter: the memory of a sandbox where no cgroup counts it, by looking at its processes.
//
// It sees what they hold when it looks, so a peak between two looks is missed; environments look every 100 ms while an
// invocation runs.
//
// Tests: tree_meter_test.cc

#include <sys/types.h>

#include "base/bytes.h"

namespace hearth::sandbox {

class TreeMeter {
 public:
  // `init`: the sandbox's first process, which itself is not counted. It must not have been reaped when asked.
  explicit TreeMeter(pid_t init) : init_(init) {}

  // About 60 us per process inside.
  ByteCount in_use();
  ByteCount peak();
  // The peak of what was seen so far, without looking.
  ByteCount seen() const { return peak_; }
  void reset() { peak_ = {}; }

 private:
  pid_t init_;
  ByteCount peak_;
};

}  // namespace hearth::sandbox
