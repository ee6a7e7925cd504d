#include "sandbox/memory_meter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <string>

namespace hearth::sandbox {
namespace {

// A control file that a test writes as the kernel would.
class FakeFile {
 public:
  FakeFile() : fd_(::memfd_create("control", MFD_CLOEXEC)) {}
  void set(const std::string& text) const {
    ASSERT_EQ(::ftruncate(fd_.get(), 0), 0);
    ASSERT_EQ(::pwrite(fd_.get(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }
  UniqueFd open() const { return UniqueFd(::dup(fd_.get())); }

 private:
  UniqueFd fd_;
};

class MemoryMeterTest : public testing::Test {
 protected:
  void stat(std::uint64_t anonymous, std::uint64_t cache) const {
    stat_.set("anon " + std::to_string(anonymous) + "\nfile " + std::to_string(cache) + "\nkernel 1\n");
  }
  void total_peak(std::uint64_t bytes) const { peak_.set(std::to_string(bytes) + "\n"); }

  FakeFile peak_, stat_;
  MemoryMeter meter_{peak_.open(), stat_.open()};
};

TEST(MemoryStat, BothVersionsNamesAreRead) {
  EXPECT_EQ(parse_memory_stat("cache 5\nrss 7\nrss_huge 0\n")->anonymous, ByteCount{7});
  EXPECT_EQ(parse_memory_stat("anon 7\nfile 5\n")->cache, ByteCount{5});
  EXPECT_FALSE(parse_memory_stat(""));
  EXPECT_FALSE(parse_memory_stat("rss x\ncache 1\n"));
}

TEST_F(MemoryMeterTest, CacheIsNotCounted) {
  total_peak(100);
  stat(30, 60);
  EXPECT_EQ(meter_.peak(), ByteCount{40});
}

TEST_F(MemoryMeterTest, MemoryThatWasFreedAgainCounts) {
  total_peak(1000);
  stat(10, 0);
  EXPECT_EQ(meter_.peak(), ByteCount{1000});
}

TEST_F(MemoryMeterTest, NeitherFreedMemoryNorDeletedFilesAreInUse) {
  total_peak(1000);
  stat(10, 0);
  EXPECT_EQ(meter_.in_use(), ByteCount{10});
}

TEST_F(MemoryMeterTest, ThePeakNeverFallsWithoutReset) {
  total_peak(1000);
  stat(900, 0);
  EXPECT_EQ(meter_.peak(), ByteCount{1000});
  total_peak(1100);
  stat(10, 1090);
  EXPECT_EQ(meter_.peak(), ByteCount{1000});
}

TEST_F(MemoryMeterTest, AfterResetOnlyNewUseCounts) {
  total_peak(1000);
  stat(10, 0);
  EXPECT_EQ(meter_.peak(), ByteCount{1000});
  meter_.reset();
  total_peak(50);
  EXPECT_EQ(meter_.peak(), ByteCount{50});
}

TEST_F(MemoryMeterTest, AKernelWhosePeakCannotBeResetFallsBackToSampling) {
  const UniqueFd writable = peak_.open();
  MemoryMeter meter(UniqueFd(::open(("/proc/self/fd/" + std::to_string(writable.get())).c_str(), O_RDONLY | O_CLOEXEC)),
                    stat_.open());
  total_peak(1000);
  stat(10, 0);
  EXPECT_EQ(meter.peak(), ByteCount{1000});
  meter.reset();
  stat(20, 0);
  EXPECT_EQ(meter.peak(), ByteCount{20});
  total_peak(1500);  // a new record is true again
  EXPECT_EQ(meter.peak(), ByteCount{1500});
}

TEST(MemoryMeter, WithoutFilesNothingIsKnown) {
  MemoryMeter meter{UniqueFd(), UniqueFd()};
  EXPECT_EQ(meter.peak(), ByteCount{});
  meter.reset();
}

}  // namespace
}  // namespace hearth::sandbox
