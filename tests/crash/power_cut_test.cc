// The promise of docs/durability.md, held against a disk that loses power at any operation, and every barrier of the
// program shown to be needed: with the syncs of one site left out, the same check finds a loss.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "stories.h"

namespace hearth::crash {
namespace {

using storage::DiskCall;
using storage::FaultyDisk;
using storage::PowerCut;

using MakeStory = std::unique_ptr<Story> (*)();

constexpr std::uint64_t kNever = ~0ULL;

// With HEARTH_FULL, every variant of a cut is made at every point instead of some.
bool every_point() { return std::getenv("HEARTH_FULL") != nullptr; }

struct Barrier {
  const char* site;
  const char* ending;  // of names; empty: all the site syncs
};

// Tells the story until the power is cut after `operations`, with one barrier left out; what is wrong afterwards.
struct Told {
  std::vector<std::string> problems;
  std::uint64_t operations = 0;
};
Told tell(MakeStory make, std::uint64_t operations, PowerCut cut, const Barrier* without = nullptr) {
  const std::unique_ptr<Story> story = make();
  FaultyDisk disk;
  if (without) disk.ignore_syncs(without->site, without->ending);
  std::atomic<std::uint64_t> calls = 0;
  disk.set_rule([&](const DiskCall&) { return calls++ >= operations ? EIO : 0; });
  story->tell(disk);
  disk.heal();
  disk.lose_unsynced(cut);
  return {.problems = story->problems(), .operations = calls};
}

struct Variant {
  const char* name;
  PowerCut cut;
};
const std::vector<Variant>& variants() {
  static const std::vector<Variant> all = {
      {"nothing unsynced survives", {}},
      {"part of the tail survives", {.kept_tail = 100}},
      {"the tail reads as zeros", {.kept_tail = 60, .tail = PowerCut::Tail::kZeros}},
      {"the tail block is noise", {.kept_tail = 130, .tail = PowerCut::Tail::kNoise}},
      {"removed files are back", {.removals = PowerCut::Removals::kUndone}},
  };
  return all;
}

struct NamedStory {
  const char* name;
  MakeStory make;
};
void PrintTo(const NamedStory& story, std::ostream* out) { *out << story.name; }
const std::vector<NamedStory>& stories() {
  static const std::vector<NamedStory> all = {{"Server", server_story},
                                              {"KeyFile", key_file_story},
                                              {"RootKey", root_key_story},
                                              {"LayerImport", layer_import_story},
                                              {"Runtime", runtime_story}};
  return all;
}

class PowerCutTest : public testing::TestWithParam<NamedStory> {};

TEST_P(PowerCutTest, AtEveryOperationLosesNothingAcknowledgedAndLeavesNothingByHalf) {
  const std::uint64_t total = tell(GetParam().make, kNever, {}).operations;
  ASSERT_GT(total, 5U);
  // The strictest cut at every point; the others spread over the points, each at its own.
  for (std::size_t v = 0; v < variants().size(); ++v) {
    const std::uint64_t stride = v == 0 || every_point() ? 1 : 1 + total / 40;
    for (std::uint64_t point = v == 0 ? 0 : v % stride; point <= total; point += stride) {
      const Told told = tell(GetParam().make, point, variants()[v].cut);
      ASSERT_TRUE(told.problems.empty()) << fmt::format("power cut after operation {} of {}, {}: {}", point, total,
                                                        variants()[v].name, fmt::join(told.problems, "; "));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, PowerCutTest, testing::ValuesIn(stories()),
                         [](const auto& info) { return std::string(info.param.name); });

// A place that syncs; `why_harmless` is empty if leaving it out must lose something.
struct Site {
  const char* name;  // of the test
  Barrier barrier;
  MakeStory story;
  const char* why_harmless = "";
};
void PrintTo(const Site& site, std::ostream* out) { *out << site.barrier.site << " " << site.barrier.ending; }

const std::vector<Site>& sites() {
  static const std::vector<Site> all = {
      {"DataPath", {"data.path", ""}, server_story},
      {"DataFormat", {"data.format", ""}, server_story},
      {"DataNames", {"data.names", ""}, server_story},
      {"BlobBytes", {"blob.bytes", ""}, server_story},
      {"BlobOuterFolder", {"blob.outer_folder", ""}, server_story},
      {"BlobInnerFolder", {"blob.inner_folder", ""}, server_story},
      {"BlobName", {"blob.name", ""}, server_story},
      {"TlsKey", {"tls.key", ""}, server_story},
      {"TlsCertificate", {"tls.certificate", ""}, server_story},
      {"TlsNames", {"tls.names", ""}, server_story},
      {"RowsLog", {"rows.log", ""}, server_story},
      {"RowsLogName", {"rows.new_names", ".log"}, server_story},
      {"RowsTable", {"rows.table", ""}, server_story},
      {"RowsTableName", {"rows.new_names", ".sst"}, server_story},
      {"RowsManifest", {"rows.manifest", ""}, server_story},
      {"RowsCurrent", {"rows.current", ""}, server_story},
      {"RowsCurrentName", {"rows.renamed_names", "CURRENT"}, server_story},
      {"KeyFileBytes", {"key_file.bytes", ""}, key_file_story},
      {"KeyFileName", {"key_file.name", ""}, key_file_story},
      {"RootKeyBytes", {"root_key.bytes", ""}, root_key_story},
      {"RootKeyName", {"root_key.name", ""}, root_key_story},
      {"LayerBytes", {"layer.bytes", ""}, layer_import_story},
      {"LayerName", {"layer.name", ""}, layer_import_story},
      {"RuntimeTree", {"runtime.tree", ""}, runtime_story},
      {"RuntimeName", {"runtime.name", ""}, runtime_story},
      {"RowsOptions",
       {"rows.options", ""},
       server_story,
       "RocksDB reads no options from files; ours are in the source"},
      {"RowsIdentity",
       {"rows.identity", ""},
       server_story,
       "a lost or broken identity is made anew; nothing refers to it"},
  };
  return all;
}

class BarrierTest : public testing::TestWithParam<Site> {};

TEST_P(BarrierTest, IsMissedWhenItIsLeftOutOrShownToBeHarmless) {
  const Site& site = GetParam();
  const std::uint64_t total = tell(site.story, kNever, {}).operations;
  const bool harmless = *site.why_harmless != '\0';
  // First the whole story, then cuts from both its ends inwards.
  std::vector<std::uint64_t> points = {kNever};
  const std::uint64_t stride = 1 + total / (harmless ? 12 : 80);
  for (std::uint64_t at = 1; at <= total / 2; at += stride) {
    points.push_back(at);
    points.push_back(total - at);
  }
  for (const std::uint64_t point : points) {
    const Told told = tell(site.story, point, {}, &site.barrier);
    if (told.problems.empty()) continue;
    ASSERT_FALSE(harmless) << fmt::format("cut at {}: {}; but: {}", point, fmt::join(told.problems, "; "),
                                          site.why_harmless);
    return;  // as it must
  }
  EXPECT_TRUE(harmless) << fmt::format("{} power cuts without the barrier {} {} lost nothing", points.size(),
                                       site.barrier.site, site.barrier.ending);
}

INSTANTIATE_TEST_SUITE_P(Of, BarrierTest, testing::ValuesIn(sites()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(BarrierListTest, NamesEverySiteThatSyncs) {
  std::set<std::string> listed = {"rows.probe"};  // RocksStoreFaultTest shows what it is for
  for (const Site& site : sites()) listed.insert(site.barrier.site);
  std::set<std::string> seen = {"rows.probe"};
  for (const NamedStory& story : stories()) {
    FaultyDisk disk;
    const auto told = story.make();
    told->tell(disk);
    for (const auto& [site, count] : disk.sites()) seen.insert(site);
  }
  EXPECT_EQ(seen, listed);
}

}  // namespace
}  // namespace hearth::crash
