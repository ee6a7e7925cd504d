#include "observe/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/unique_fd.h"

namespace hearth::observe {
namespace {

using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  LogTest() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    read_.reset(ends[0]);
    write_.reset(ends[1]);
  }
  std::string written() const {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(read_.get(), bytes.data(), bytes.size());
    return count < 0 ? std::string() : std::string(bytes.data(), static_cast<std::size_t>(count));
  }

  UniqueFd read_;
  UniqueFd write_;
};

constexpr char kTime[] = "20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z";

TEST_F(LogTest, ATextLineHoldsTimeLevelMessageAndFields) {
  const Logger log(write_.get(), Level::kInfo, LogFormat::kText);
  log.warn("disk is full", {{"path", "/var/lib"}, {"left", ""}});
  EXPECT_THAT(written(), MatchesRegex(std::string(kTime) + " warn  disk is full path=/var/lib left=\"\"\n"));
}

TEST_F(LogTest, ATextLineStaysOneLineWhateverAValueHolds) {
  const Logger log(write_.get(), Level::kInfo, LogFormat::kText);
  log.info("odd", {{"value", "a b\nlevel=error \"x\""}});
  EXPECT_THAT(written(), testing::EndsWith("odd value=\"a b\\nlevel=error \\\"x\\\"\"\n"));
}

TEST_F(LogTest, AJsonLineEscapesWhatJsonCannotHold) {
  const Logger log(write_.get(), Level::kInfo, LogFormat::kJson);
  log.error("said \"no\"", {{"bytes", std::string("\\ \t \x01")}});
  EXPECT_THAT(written(),
              MatchesRegex("\\{\"time\":\"" + std::string(kTime) +
                           "\",\"level\":\"error\",\"message\":\"said \\\\\"no\\\\\"\",\"bytes\":\"\\\\\\\\ \\\\t "
                           "\\\\u0001\"\\}\n"));
}

TEST_F(LogTest, LinesBelowTheThresholdAreNotWritten) {
  const Logger log(write_.get(), Level::kWarn, LogFormat::kText);
  log.debug("quiet");
  log.info("quiet");
  EXPECT_EQ(written(), "");
}

TEST_F(LogTest, AFailingDescriptorDropsTheLineAndNothingElse) {
  const Logger log(-1, Level::kDebug, LogFormat::kJson);
  log.error("nobody hears");
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace hearth::observe
