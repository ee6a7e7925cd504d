#pragma once
// DurationHistogram: how often something took how long, in powers of two of a microsecond.

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hearth::observe {

class DurationHistogram {
 public:
  static constexpr std::size_t kBuckets = 24;  // the last one: 4 s and longer

  void add(std::chrono::nanoseconds took) {
    const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)) / 1000;
    ++buckets_[std::min(static_cast<std::size_t>(std::bit_width(us)), kBuckets - 1)];
    ++count_;
    total_ += took;
    longest_ = std::max(longest_, took);
  }

  void add(const DurationHistogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    total_ += other.total_;
    longest_ = std::max(longest_, other.longest_);
  }

  // buckets()[i]: shorter than 2^i microseconds and not in a bucket before.
  const std::array<std::uint64_t, kBuckets>& buckets() const { return buckets_; }
  std::uint64_t count() const { return count_; }
  std::chrono::nanoseconds total() const { return total_; }
  std::chrono::nanoseconds longest() const { return longest_; }

 private:
  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds total_{0};
  std::chrono::nanoseconds longest_{0};
};

}  // namespace hearth::observe
