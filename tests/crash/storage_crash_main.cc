// storage_crash: kills a process that writes, many times, and looks at what is left.
//
// The writer (this program again) makes numbered commits as fast as eight clients can, each waiting until its own is
// durable before it tells its number through a pipe; some of them refer to a blob stored before. At a random moment
// it gets SIGKILL. Then the store is opened and must hold exactly the numbers 0 to n without a gap, n at least the
// highest that was told, each with its value and its blob. The next writer goes on from there.
//
//   storage_crash [--seconds N] [--acknowledge-early]
//
// Ends with 1 if anything told was lost. --acknowledge-early tells numbers before they are durable: the check must then
// find losses, or it is worth nothing.

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "net/loop.h"
#include "net/thread_pool.h"
#include "observe/log.h"
#include "storage/data_folder.h"
#include "storage/file_blob_store.h"
#include "storage/key.h"
#include "storage/rocks_store.h"

extern char** environ;

namespace hearth::storage {
namespace {

using namespace std::chrono_literals;
using Number = std::uint64_t;

constexpr unsigned kClients = 8;
constexpr Number kBlobEvery = 40;

enum class Acknowledge { kWhenDurable, kEarly };

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "storage_crash: {}\n", why);
  std::exit(2);
}

std::string row_key(Number number) { return make_key("crash.row", "0", "r", {sortable(number)}); }
std::string rows() { return key_prefix("crash.row", "0", "r"); }
std::string newest_key() { return make_key("crash.newest", "0", "r", {}); }
std::string filler(Number number) { return std::string(50 + number % 700, static_cast<char>('a' + number % 26)); }
std::string blob_bytes(Number number) { return fmt::format("blob of {} {}", number, filler(number * 7)); }

// The stores over one data folder, as the server has them.
struct Stores {
  explicit Stores(const std::string& path) {
    auto opened = DataFolder::open(path, files);
    if (!opened) give_up(opened.error().message());
    folder.emplace(std::move(*opened));
    auto rows_opened = RocksStore::open({.path = folder->db()}, loop, log);
    if (!rows_opened) give_up(rows_opened.error().message());
    store = std::move(*rows_opened);
    auto blobs_opened = FileBlobStore::open(folder->blobs(), files, loop, pool);
    if (!blobs_opened) give_up(blobs_opened.error().message());
    blobs = std::move(*blobs_opened);
  }

  SystemClock clock;
  net::Loop loop{clock};
  net::ThreadPool pool{2};
  observe::Logger log{2, observe::Level::kWarn, observe::LogFormat::kText};
  FileSystem files;
  std::optional<DataFolder> folder;
  std::unique_ptr<RocksStore> store;
  std::unique_ptr<FileBlobStore> blobs;
};

void tell(int pipe, Number number) {
  if (::write(pipe, &number, sizeof number) != sizeof number) std::_Exit(3);
}

// One client. Numbers are taken in the turn that commits them, so that their order is the order of commits.
Task<> write_numbers(Stores& stores, Number& next, int pipe, Acknowledge when) {
  for (;;) {
    std::string blob_name;
    // The blob comes first, as code packages do; which number it goes with is decided when it is there.
    const Number maybe = next;
    if (maybe % kBlobEvery == 0) {
      const Result<BlobId> blob = co_await stores.blobs->put(blob_bytes(maybe));
      if (!blob) give_up(blob.error().message());
      blob_name = fmt::format("{} {}", maybe, blob->sha256_hex);
    }
    const Number number = next++;
    Batch batch;
    batch.require_absent(row_key(number)).put(row_key(number), blob_name + "\n" + filler(number));
    batch.put(newest_key(), sortable(number));
    const Result<Ticket> ticket = stores.store->commit(std::move(batch));
    if (!ticket) give_up(ticket.error().message());
    if (when == Acknowledge::kEarly) tell(pipe, number);
    const Status durable = co_await stores.store->durable(*ticket);
    if (!durable) give_up(durable.error().message());
    if (when == Acknowledge::kWhenDurable) tell(pipe, number);
  }
}

int write_until_killed(const std::string& path, Number next, int pipe, Acknowledge when) {
  Stores stores(path);
  for (unsigned i = 0; i < kClients; ++i) stores.loop.spawn(write_numbers(stores, next, pipe, when));
  stores.loop.run();
  return 0;
}

struct Writer {
  pid_t pid;
  UniqueFd told;
};

Writer start_writer(const std::string& self, const std::string& path, Number next, Acknowledge when) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) give_up("no pipe");
  UniqueFd reading(ends[0]);
  const UniqueFd writing(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  constexpr int kPipe = 9;
  posix_spawn_file_actions_adddup2(&actions, writing.get(), kPipe);
  std::vector<std::string> words = {self,
                                    "--write",
                                    path,
                                    std::to_string(next),
                                    std::to_string(kPipe),
                                    when == Acknowledge::kEarly ? "early" : "durable"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  if (::posix_spawn(&pid, "/proc/self/exe", &actions, nullptr, argv.data(), environ) != 0)
    give_up("cannot start the writer");
  posix_spawn_file_actions_destroy(&actions);
  return {.pid = pid, .told = std::move(reading)};
}

// Reads what the writer tells until `deadline` (or its end, with none); the highest number, and how many.
struct Told {
  std::uint64_t count = 0;
  std::optional<Number> highest;
};
void listen(const UniqueFd& pipe, std::optional<SteadyTime> deadline, Told& told) {
  std::array<Number, 512> numbers{};
  for (;;) {
    int wait_ms = 10'000;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return;
      wait_ms = static_cast<int>(left.count());
    }
    pollfd ready{.fd = pipe.get(), .events = POLLIN, .revents = 0};
    const int polled = ::poll(&ready, 1, wait_ms);
    if (polled == 0 && deadline) return;
    if (polled <= 0) give_up("the writer neither tells nor ends");
    const ssize_t n = ::read(pipe.get(), numbers.data(), sizeof numbers);
    if (n <= 0) {
      if (deadline) give_up("the writer ended by itself");
      return;
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(n) / sizeof(Number); ++i) {
      ++told.count;
      told.highest = std::max(told.highest.value_or(0), numbers[i]);
    }
  }
}

Task<> check_blob(Stores& stores, Number number, std::string name, std::string row,
                  std::vector<std::string>& problems) {
  const Result<std::string> bytes = co_await stores.blobs->read({.sha256_hex = name});
  if (!bytes) problems.push_back(fmt::format("the blob of {}: {}", row, bytes.error().message()));
  if (bytes && *bytes != blob_bytes(number)) problems.push_back(fmt::format("the blob of {} is another", row));
}

// Opens what the killed writer left. Returns the next number; adds to `problems`.
Number check(const std::string& path, const Told& told, std::vector<std::string>& problems) {
  Stores stores(path);
  Number next = 0;
  std::string after;
  for (;;) {
    const auto entries = stores.store->scan(rows(), after, 1000);
    if (!entries) give_up(entries.error().message());
    if (entries->empty()) break;
    for (const Entry& entry : *entries) {
      const std::vector<std::string> parts = key_parts(entry.key);
      const Number number = parts.size() == 1 ? from_sortable(parts[0]) : ~0ULL;
      if (number != next) problems.push_back(fmt::format("after {} comes {}", next, number));
      next = number + 1;
      const std::size_t line = entry.value.find('\n');
      if (line == std::string::npos || entry.value.substr(line + 1) != filler(number)) {
        problems.push_back(fmt::format("row {} has another value", number));
      } else if (line > 0) {
        const std::size_t space = entry.value.find(' ');
        stores.loop.spawn(check_blob(stores, std::stoull(entry.value), entry.value.substr(space + 1, 64),
                                     fmt::format("row {}", number), problems));
      }
    }
    after = entries->back().key;
  }
  stores.loop.run();
  if (told.highest && next <= *told.highest) {
    problems.push_back(fmt::format("{} was acknowledged, but the last row is {}", *told.highest, next - 1));
  }
  const auto newest = stores.store->get(newest_key());
  if (!newest) give_up(newest.error().message());
  if (next > 0 && (!*newest || from_sortable(**newest) + 1 != next)) problems.emplace_back("a batch was torn");
  return next;
}

int kill_writers(const std::string& self, std::chrono::seconds duration, Acknowledge when) {
  std::string pattern = (std::filesystem::temp_directory_path() / "hearth-crash-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) give_up("no temporary folder");
  const std::string path = pattern + "/data";
  std::mt19937 random(std::random_device{}());
  std::vector<std::string> problems;
  std::uint64_t kills = 0;
  std::uint64_t acknowledged = 0;
  Number next = 0;
  std::chrono::milliseconds longest{250};
  const SteadyTime end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end && problems.empty()) {
    const Writer writer = start_writer(self, path, next, when);
    Told told;
    const std::chrono::milliseconds life(std::uniform_int_distribution<std::int64_t>(1, longest.count())(random));
    listen(writer.told, std::chrono::steady_clock::now() + life, told);
    ::kill(writer.pid, SIGKILL);
    int status = 0;
    if (::waitpid(writer.pid, &status, 0) != writer.pid || !WIFSIGNALED(status)) give_up("the writer ended by itself");
    listen(writer.told, std::nullopt, told);
    ++kills;
    acknowledged += told.count;
    // A machine on which a process needs so long to begin is a slow one.
    if (told.count == 0 && life > longest / 2) longest *= 2;
    next = check(path, told, problems);
  }
  std::error_code ignored;
  std::filesystem::remove_all(pattern, ignored);
  for (const std::string& problem : problems) fmt::print("LOST: {}\n", problem);
  fmt::print("{} kills, {} commits acknowledged, {} found, {} problems\n", kills, acknowledged, next, problems.size());
  if (acknowledged == 0) give_up("no writer ever lived long enough");
  return problems.empty() ? 0 : 1;
}

}  // namespace
}  // namespace hearth::storage

int main(int count, char** values) {
  using hearth::storage::Acknowledge;
  const std::vector<std::string> words(values, values + count);
  if (words.size() == 6 && words[1] == "--write") {
    return hearth::storage::write_until_killed(words[2], std::stoull(words[3]), std::stoi(words[4]),
                                               words[5] == "early" ? Acknowledge::kEarly : Acknowledge::kWhenDurable);
  }
  std::chrono::seconds duration(8);
  Acknowledge when = Acknowledge::kWhenDurable;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--acknowledge-early") {
      when = Acknowledge::kEarly;
    } else if (words[i] == "--seconds" && i + 1 < words.size()) {
      duration = std::chrono::seconds(std::stoi(words[++i]));
    } else {
      fmt::print(stderr, "usage: storage_crash [--seconds N] [--acknowledge-early]\n");
      return 2;
    }
  }
  return hearth::storage::kill_writers(words[0], duration, when);
}
