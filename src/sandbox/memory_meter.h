#pragma once
// MemoryMeter: the peak of a sandbox's own memory, from the files of its memory cgroup.
//
// The kernel keeps a true peak, but of everything charged, page cache and tmpfs included. The peak of what remains is
// estimated as that peak less the cache of now, and is never below the anonymous memory of now. This catches memory
// that was freed again, which sampling would miss. It is exact unless cache was dropped since the peak (then too high,
// at most by what was dropped: a file deleted from /tmp, reclaim at the limit) or grew since (too low, never below
// now).
//
// Tests: memory_meter_test.cc

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/unique_fd.h"

namespace hearth::sandbox {

// The two lines of memory.stat that matter, by the names of either cgroup version.
struct MemoryStat {
  ByteCount anonymous;  // v1 "rss", v2 "anon"
  ByteCount cache;      // v1 "cache", v2 "file"; tmpfs included
};
std::optional<MemoryStat> parse_memory_stat(std::string_view text);

class MemoryMeter {
 public:
  // Either may be empty: then less is known, and without both the peak is 0.
  MemoryMeter(UniqueFd peak_file, UniqueFd stat_file);

  // About 5 us while the kernel's peak stands still, else 30 us.
  ByteCount peak();
  // The anonymous memory of now: what peak() can only estimate from below. About 20 us.
  ByteCount in_use();
  // What was used before no longer counts. Kernels before 6.12 cannot reset v2's peak: sampling has to do then.
  void reset();

 private:
  UniqueFd peak_file_;
  UniqueFd stat_file_;
  ByteCount last_total_peak_;
  ByteCount unresettable_peak_;  // a kernel peak from before reset(), which says nothing
  ByteCount peak_;
};

}  // namespace hearth::sandbox
