#include "functions/zip_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "functions/registry.h"
#include "functions/zip_builder.h"

namespace hearth::functions {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr CodeLimits kLimits{};

std::string refusal(const std::string& zip, const CodeLimits& limits = kLimits) {
  const auto reader = ZipReader::open(zip, limits);
  if (!reader) return reader.error().message();
  for (const ZipEntry& entry : reader->entries()) {
    if (const auto content = reader->inflate(entry); !content) return content.error().message();
  }
  return "";
}

TEST(ZipReader, ReadsStoredAndDeflatedEntriesWithTheirModes) {
  const std::string text(10'000, 'x');
  const std::string zip = ZipBuilder()
                              .add("index.py", "print(1)\n")
                              .add("bin/", "", {.mode = 040755})
                              .add("bin/tool", text, {.mode = 0100755, .deflate = true})
                              .add("bin/../bin2", "", {.mode = 0})
                              .finish();
  EXPECT_THAT(refusal(zip), HasSubstr("must not leave"));
  const std::string good =
      ZipBuilder().add("./index.py", "print(1)\n").add("bin//tool", text, {.mode = 0100755, .deflate = true}).finish();
  const auto reader = ZipReader::open(good, kLimits);
  ASSERT_TRUE(reader) << reader.error().message();
  ASSERT_EQ(reader->entries().size(), 2U);
  EXPECT_EQ(reader->entries()[0].path, "index.py");
  EXPECT_FALSE(reader->entries()[0].executable);
  EXPECT_EQ(reader->inflate(reader->entries()[0]).value(), "print(1)\n");
  EXPECT_EQ(reader->entries()[1].path, "bin/tool");
  EXPECT_TRUE(reader->entries()[1].executable);
  EXPECT_EQ(reader->inflate(reader->entries()[1]).value(), text);
  EXPECT_EQ(reader->unpacked_bytes(), text.size() + 9);
}

TEST(ZipReader, SaysInAwsWordsThatTextIsNoZip) {
  EXPECT_EQ(refusal("this is not a zipfile, just a random string"), kUnreadableZip);
  EXPECT_EQ(refusal("PK"), kUnreadableZip);
}

TEST(ZipReader, SaysInAwsWordsThatAZipIsEmpty) {
  EXPECT_EQ(refusal(""), "Uploaded file must be a non-empty zip");
  EXPECT_EQ(refusal(ZipBuilder().finish()), "Uploaded file must be a non-empty zip");
}

TEST(ZipReader, ReadsArchivesWithBytesBeforeThem) {
  const std::string zip = "#!/usr/bin/env python3\n" + ZipBuilder().add("a", "1").finish();
  const auto reader = ZipReader::open(zip, kLimits);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->inflate(reader->entries()[0]).value(), "1");
}

TEST(ZipReader, ReadsZip64Records) {
  const std::string zip = ZipBuilder().add("a", "1").finish_zip64();
  const auto reader = ZipReader::open(zip, kLimits);
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->inflate(reader->entries()[0]).value(), "1");
}

TEST(ZipReader, RefusesNamesThatLeaveTheFolder) {
  for (const std::string name : {"/etc/passwd", "../x", "a/../../x", "..", "a/.."}) {
    EXPECT_THAT(refusal(ZipBuilder().add(name, "x").finish()),
                StartsWith(std::string(kUnreadableZip) + " (entry '" + name))
        << name;
  }
  EXPECT_THAT(refusal(ZipBuilder().add(std::string("a\0b", 3), "x").finish()), HasSubstr("zero byte"));
  EXPECT_THAT(refusal(ZipBuilder().add(std::string(5000, 'a'), "x").finish()), HasSubstr("longer than"));
  EXPECT_THAT(refusal(ZipBuilder().add(std::string(300, 'a'), "x").finish()), HasSubstr("longer than"));
}

TEST(ZipReader, RefusesTheSamePathTwiceAndPathsBelowFilesOrLinks) {
  EXPECT_THAT(refusal(ZipBuilder().add("a", "1").add("./a", "2").finish()), HasSubstr("twice"));
  EXPECT_THAT(refusal(ZipBuilder().add("a", "1").add("a/b", "2").finish()), HasSubstr("below a file or link"));
  EXPECT_THAT(refusal(ZipBuilder().add("a/b", "2").add("a", "1").finish()), HasSubstr("twice"));
  EXPECT_THAT(refusal(ZipBuilder().add_link("a", "/etc").add("a/passwd", "2").finish()),
              HasSubstr("below a file or link"));
  EXPECT_EQ(
      refusal(ZipBuilder().add("a/", "", {.mode = 040755}).add("a/", "", {.mode = 040755}).add("a/b", "").finish()),
      "");
}

TEST(ZipReader, RefusesDevicesPipesAndEncryptedEntries) {
  EXPECT_THAT(refusal(ZipBuilder().add("d", "", {.mode = S_IFCHR | 0666}).finish()), HasSubstr("only files"));
  EXPECT_THAT(refusal(ZipBuilder().add("d", "", {.mode = S_IFIFO | 0666}).finish()), HasSubstr("only files"));
  EXPECT_THAT(refusal(ZipBuilder().add("d", "x", {.flags = 1}).finish()), HasSubstr("encrypted"));
  EXPECT_THAT(refusal(ZipBuilder().add("d", "x", {.method = 12}).finish()), HasSubstr("compression method"));
}

TEST(ZipReader, RefusesContentThatDoesNotMatchItsHeaders) {
  EXPECT_EQ(refusal(ZipBuilder().add("a", "text", {.crc_change = 1}).finish()), kUnreadableZip);
  EXPECT_EQ(refusal(ZipBuilder().add("a", "text", {.deflate = true, .crc_change = 1}).finish()), kUnreadableZip);
  EXPECT_EQ(refusal(ZipBuilder().add("a", "text", {.declared_size = 3}).finish()), kUnreadableZip);
  EXPECT_EQ(refusal(ZipBuilder().add("a", "text", {.deflate = true, .declared_size = 5}).finish()), kUnreadableZip);
  EXPECT_THAT(refusal(ZipBuilder().add("a", "text", {.local_name = "b"}).finish()), HasSubstr("disagree"));
}

TEST(ZipReader, StopsABombAtItsDeclaredSize) {
  const std::string zeros(3'000'000, '\0');
  EXPECT_EQ(refusal(ZipBuilder().add("bomb", zeros, {.deflate = true, .declared_size = 100}).finish()), kUnreadableZip);
}

TEST(ZipReader, RefusesMoreThanTheUnpackedLimitInAwsWords) {
  const CodeLimits limits{.unpacked = ByteCount{1000}};
  const std::string half(500, 'x');
  EXPECT_EQ(refusal(ZipBuilder().add("a", half).add("b", half).finish(), limits),
            "Unzipped size must be smaller than 1000 bytes");
  EXPECT_EQ(refusal(ZipBuilder().add("a", half).add("b", half.substr(1)).finish(), limits), "");
  EXPECT_EQ(refusal(ZipBuilder()
                        .add("a", "x", {.declared_size = 0xFFFFFFF0})
                        .add("b", "x", {.declared_size = 0xFFFFFFF0})
                        .finish())
                .substr(0, 8),
            "Could no");
}

TEST(ZipReader, RefusesTooManyEntriesAndTooManyImpliedFolders) {
  const CodeLimits limits{.entries = 3};
  EXPECT_EQ(refusal(ZipBuilder().add("a", "").add("b", "").add("c", "").finish(), limits), "");
  EXPECT_THAT(refusal(ZipBuilder().add("a", "").add("b", "").add("c", "").add("d", "").finish(), limits),
              HasSubstr("4 entries"));
  EXPECT_THAT(refusal(ZipBuilder().add("a/b/c/d/e", "").finish(), limits), HasSubstr("files and folders"));
}

TEST(ZipReader, RefusesPathsThatAreDeepOrLongInAll) {
  const auto deep = [](int parts) {
    std::string path;
    for (int i = 1; i < parts; ++i) path += "d/";
    return path + "f";
  };
  EXPECT_EQ(refusal(ZipBuilder().add(deep(100), "").finish(), CodeLimits{}), "");
  EXPECT_THAT(refusal(ZipBuilder().add(deep(101), "").finish(), CodeLimits{}), HasSubstr("more than 100 parts"));
  // The same deep folder again and again: the work is bounded even though the folder may be repeated.
  ZipBuilder builder;
  std::string folder;
  for (int i = 0; i < 60; ++i) folder += std::string(60, 'x') + "/";
  for (int i = 0; i < 2'000; ++i) builder.add(folder, "");
  EXPECT_THAT(refusal(builder.finish(), CodeLimits{}), HasSubstr("too long in all"));
}

TEST(ZipReader, NeverReadsOutsideTruncatedOrDamagedArchives) {
  const std::string zip =
      ZipBuilder().add("index.py", "print(1)\n", {.deflate = true}).add("a/b", "xyz").add_link("l", "a/b").finish();
  ASSERT_EQ(refusal(zip), "");
  for (std::size_t size = 0; size < zip.size(); ++size) EXPECT_NE(refusal(zip.substr(0, size)), "") << size;
  for (std::size_t at = 0; at < zip.size(); ++at) {
    for (const int flip : {1, 0x80, 0xFF}) {
      std::string damaged = zip;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      (void)refusal(damaged);  // any answer will do; the sanitizers watch
    }
  }
}

}  // namespace
}  // namespace hearth::functions
