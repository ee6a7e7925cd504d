#pragma once
// InputBuffer: bytes read from a connection and not yet used. Internal to net/.
//
// Holds no memory until bytes are to be read, and none after release(): pages of its own, which the kernel takes back
// at once. In the heap a crowd's buffers would lie between what outlives them, and stay with the process.

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string_view>

namespace hearth::net {

class InputBuffer {
 public:
  static constexpr std::size_t kUsual = 16'384;

  std::string_view view() const { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }

  // Room to read into: at least one byte, unless `max` bytes are held already. Moves the bytes held.
  std::span<char> room(std::size_t max) {
    if (data_ == nullptr) grow(std::min(kUsual, std::max<std::size_t>(max, 1)));
    if (begin_ == end_) begin_ = end_ = 0;
    if (end_ == capacity_ && begin_ > 0) {
      std::memmove(data_.get(), data_.get() + begin_, size());
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == capacity_ && capacity_ < max) grow(std::min(capacity_ * 2, max));
    return {data_.get() + end_, capacity_ - end_};
  }
  void commit(std::size_t count) { end_ += count; }
  void consume(std::size_t count) { begin_ += count; }
  void clear() { begin_ = end_ = 0; }

  // Gives back memory beyond the usual size; only while empty.
  void trim() {
    if (empty() && capacity_ > kUsual) release();
  }
  void release() {
    data_.reset();
    capacity_ = begin_ = end_ = 0;
  }
  std::size_t capacity() const { return capacity_; }

 private:
// Only in the heap AddressSanitizer sees a step outside.
#if __has_feature(address_sanitizer)
  using Bytes = std::unique_ptr<char[]>;
  static Bytes allocate(std::size_t size) { return std::make_unique_for_overwrite<char[]>(size); }
#else
  struct Unmap {
    std::size_t size;
    void operator()(char* bytes) const { ::munmap(bytes, size); }
  };
  using Bytes = std::unique_ptr<char[], Unmap>;
  static Bytes allocate(std::size_t size) {
    void* const bytes = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED) throw std::bad_alloc();
    return Bytes(static_cast<char*>(bytes), Unmap{size});
  }
#endif

  void grow(std::size_t capacity) {
    Bytes bigger = allocate(capacity);
    if (data_ != nullptr) std::memcpy(bigger.get(), data_.get() + begin_, size());
    end_ -= begin_;
    begin_ = 0;
    data_ = std::move(bigger);
    capacity_ = capacity;
  }

  Bytes data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace hearth::net
