#include "gateway/code_download.h"

#include <gtest/gtest.h>

#include "gateway/test_support.h"
#include "storage/memory_store.h"

namespace hearth::gateway {
namespace {

class CodeDownloadTest : public testing::Test {
 protected:
  CodeDownload open() {
    auto opened = CodeDownload::open(store_, blobs_, clock_);
    EXPECT_TRUE(opened);
    return *std::move(opened);
  }
  storage::BlobId put(std::string bytes) {
    net::Loop loop(clock_);
    return *run_on(loop, blobs_.put(std::move(bytes)));
  }
  net::HttpReply get(CodeDownload& download, const std::string& url) {
    net::Loop loop(clock_);
    return run_on(loop, download.serve(url.substr(std::string("http://h").size())));
  }
  FakeClock clock_;
  storage::MemoryStore store_;
  storage::MemoryBlobStore blobs_;
};

TEST_F(CodeDownloadTest, ALinkGivesThePackageForTenMinutes) {
  CodeDownload download = open();
  const std::string url = download.link(put("zip bytes"), "http://h");
  EXPECT_EQ(get(download, url).body, "zip bytes");
  clock_.advance(std::chrono::minutes(10));
  EXPECT_EQ(get(download, url).status, 200);
  clock_.advance(std::chrono::seconds(1));
  const net::HttpReply late = get(download, url);
  EXPECT_EQ(late.status, 403);
  EXPECT_NE(late.body.find("Request has expired"), std::string::npos);
}

TEST_F(CodeDownloadTest, LinksSurviveARestart) {
  CodeDownload before = open();
  const std::string url = before.link(put("zip bytes"), "http://h");
  CodeDownload after = open();
  EXPECT_EQ(get(after, url).status, 200);
}

TEST_F(CodeDownloadTest, ForgedLinksAreRefused) {
  CodeDownload download = open();
  const storage::BlobId mine = put("mine");
  const storage::BlobId other = put("other");
  const std::string url = download.link(mine, "http://h");
  std::string swapped = url;
  swapped.replace(swapped.find(mine.sha256_hex), 64, other.sha256_hex);
  std::string longer = url;
  longer.replace(longer.find("Expires=") + 8, 1, "9");
  std::string broken = url;
  broken.back() = broken.back() == '0' ? '1' : '0';
  const std::string unsigned_url = url.substr(0, url.find("&Signature"));
  for (const std::string& bad :
       {swapped, longer, broken, unsigned_url, std::string("http://h/_hearth/code/../x?Expires=1&Signature=2")}) {
    EXPECT_EQ(get(download, bad).status, 403) << bad;
  }
}

TEST_F(CodeDownloadTest, APackageThatIsGoneIsNotFound) {
  CodeDownload download = open();
  const storage::BlobId blob = put("x");
  const std::string url = download.link(blob, "http://h");
  ASSERT_TRUE(blobs_.remove(blob));
  EXPECT_EQ(get(download, url).status, 404);
}

TEST_F(CodeDownloadTest, ANewKeyVoidsEarlierLinks) {
  CodeDownload download = open();
  const std::string url = download.link(put("x"), "http://h");
  ASSERT_TRUE(download.renew_key());
  EXPECT_EQ(get(download, url).status, 403);
}

TEST_F(CodeDownloadTest, AStoreThatCannotKeepTheKeyIsAnError) {
  store_.fail_writes("disk full");
  EXPECT_FALSE(CodeDownload::open(store_, blobs_, clock_));
}

}  // namespace
}  // namespace hearth::gateway
