#include "storage/rocks_manifest.h"

#include <gtest/gtest.h>

#include "storage/faulty_disk.h"

namespace hearth::storage {
namespace {

std::string record(std::size_t length, char fill) {
  std::string bytes = "crc!";
  bytes += static_cast<char>(length & 0xFFU);
  bytes += static_cast<char>(length >> 8U);
  bytes += '\1';
  return bytes + std::string(length, fill);
}

class RocksManifestTest : public ::testing::Test {
 protected:
  // Whether something was cut off, and the length afterwards.
  std::pair<bool, std::size_t> trim(const std::string& manifest) {
    EXPECT_TRUE(files_.replace(folder_ / "CURRENT", "MANIFEST-000005\n", 0600, std::nullopt));
    EXPECT_TRUE(files_.replace(folder_ / "MANIFEST-000005", manifest, 0600, std::nullopt));
    const auto trimmed = trim_torn_manifest(files_, folder_.path());
    EXPECT_TRUE(trimmed);
    return {trimmed.value_or(false), files_.read(folder_ / "MANIFEST-000005").value().size()};
  }
  TemporaryFolder folder_;
  FileSystem files_;
};

TEST_F(RocksManifestTest, ARecordWhoseNewestSectorsAreZerosIsCutOff) {
  std::string bytes = record(300, 'a') + record(800, 'b');
  std::fill(bytes.begin() + 1024, bytes.end(), '\0');
  EXPECT_EQ(trim(bytes), std::pair(true, std::size_t{307}));
}

TEST_F(RocksManifestTest, ATornHeaderIsCutOff) {
  std::string bytes = record(500, 'a') + record(800, 'b');  // the second begins 5 bytes before a sector
  std::fill(bytes.begin() + 512, bytes.end(), '\0');
  EXPECT_EQ(trim(bytes), std::pair(true, std::size_t{507}));
}

TEST_F(RocksManifestTest, WholeRecordsStayAlsoIfTheyEndInZeros) {
  for (const std::string& bytes : {record(300, 'a'), record(300, 'a') + record(3, '\0'), std::string(),
                                   record(300, 'a') + std::string(2000, '\0'), std::string(100, '\0')}) {
    EXPECT_EQ(trim(bytes), std::pair(false, bytes.size()));
  }
}

TEST_F(RocksManifestTest, DamageThatNoPowerCutMakesIsLeftForTheDatabaseToRefuse) {
  std::string damaged = record(300, 'a') + record(800, 'b');
  damaged[5] = '\x7F';  // the length of the first
  damaged[900] = 'x';
  EXPECT_EQ(trim(damaged), std::pair(false, damaged.size()));
  std::string zeros_between = record(300, 'a') + record(800, 'b') + record(10, 'c');
  std::fill(zeros_between.begin() + 512, zeros_between.begin() + 1024, '\0');
  EXPECT_EQ(trim(zeros_between), std::pair(false, zeros_between.size()));
}

}  // namespace
}  // namespace hearth::storage
