#pragma once
// Random: the one source of chance in a simulation; everything follows from its seed.

#include <chrono>
#include <cstdint>

namespace hearth::simulation {

// splitmix64. Each part of a simulation has a Random of its own, split off by its parent, so that one part drawing more
// numbers does not change what the others draw.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31U);
  }
  Random split() { return Random(next()); }
  // Both inclusive.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool one_in(std::uint64_t n) { return next() % n == 0; }
  template <class Items>
  auto& pick(Items& items) {
    return items[next() % items.size()];
  }
  // Mostly short, sometimes up to `most`: the square of an even distribution.
  std::chrono::microseconds up_to(std::chrono::microseconds most) {
    const std::uint64_t part = next() % 1024;
    return most * static_cast<std::int64_t>(part * part) / (1024 * 1024);
  }

 private:
  std::uint64_t state_;
};

}  // namespace hearth::simulation
