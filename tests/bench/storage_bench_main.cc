// storage_bench: durable commits per second, beside what the disk can do at best, in the same run.
//
// For each number of clients three programs take turns on one folder:
//   bare     one thread appends as many records as there are clients in one write, then fdatasync: nothing can be
//   faster threads  a thread per client hands records to one committer thread, which writes what is there and syncs
//   once hearth   RocksStore: a coroutine per client commits one row and waits until it is durable
// Records are 512 bytes. Rounds alternate and the median round counts, since machines are shared.
//
//   storage_bench [--seconds S per cell] [--rounds N] [--folder DIR] [--json]

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "net/loop.h"
#include "observe/log.h"
#include "storage/key.h"
#include "storage/rocks_store.h"

namespace hearth::storage {
namespace {

using Time = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

constexpr std::size_t kRecord = 512;

struct Cell {
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  double per_sync = 0;  // commits that shared one sync
};

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "storage_bench: {}\n", why);
  std::exit(1);
}

Cell summarise(std::vector<Nanoseconds> waits, Nanoseconds took, std::uint64_t syncs) {
  if (waits.empty() || syncs == 0) give_up("a cell made no commit");
  std::ranges::sort(waits);
  const auto at = [&](double part) {
    return static_cast<double>(waits[static_cast<std::size_t>(part * static_cast<double>(waits.size() - 1))].count()) /
           1e3;
  };
  const auto count = static_cast<double>(waits.size());
  return {.per_second = count / (static_cast<double>(took.count()) / 1e9),
          .p50_us = at(0.5),
          .p99_us = at(0.99),
          .per_sync = count / static_cast<double>(syncs)};
}

UniqueFd log_file(const std::string& folder) {
  UniqueFd file(::open((folder + "/log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) give_up("cannot write in " + folder);
  return file;
}

void append_and_sync(const UniqueFd& file, const std::string& bytes) {
  if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) give_up("short write");
  if (::fdatasync(file.get()) != 0) give_up("fdatasync failed");
}

Cell bare(const std::string& folder, unsigned clients, Nanoseconds duration) {
  const UniqueFd file = log_file(folder);
  const std::string records(kRecord * clients, 'x');
  std::vector<Nanoseconds> waits;
  std::uint64_t syncs = 0;
  const Time::time_point begun = Time::now();
  Time::time_point now = begun;
  while (now - begun < duration) {
    append_and_sync(file, records);
    const Time::time_point done = Time::now();
    waits.insert(waits.end(), clients, done - now);
    now = done;
    ++syncs;
  }
  return summarise(std::move(waits), now - begun, syncs);
}

Cell threads(const std::string& folder, unsigned clients, Nanoseconds duration) {
  const UniqueFd file = log_file(folder);
  std::mutex mutex;
  std::condition_variable queued;
  std::condition_variable synced;
  std::string queue;
  std::uint64_t last = 0;
  std::uint64_t synced_to = 0;
  std::uint64_t syncs = 0;
  bool stopping = false;
  std::thread committer([&] {
    std::unique_lock lock(mutex);
    for (;;) {
      queued.wait(lock, [&] { return stopping || !queue.empty(); });
      if (queue.empty()) return;
      const std::string batch = std::exchange(queue, {});
      const std::uint64_t through = last;
      lock.unlock();
      append_and_sync(file, batch);
      lock.lock();
      ++syncs;
      synced_to = through;
      synced.notify_all();
    }
  });
  std::vector<std::vector<Nanoseconds>> waits(clients);
  const Time::time_point begun = Time::now();
  {
    std::vector<std::jthread> writers;
    for (unsigned i = 0; i < clients; ++i) {
      writers.emplace_back([&, i] {
        const std::string record(kRecord, 'x');
        for (Time::time_point now = begun; now - begun < duration;) {
          const Time::time_point started = Time::now();
          std::unique_lock lock(mutex);
          queue += record;
          const std::uint64_t mine = ++last;
          queued.notify_one();
          synced.wait(lock, [&] { return synced_to >= mine; });
          lock.unlock();
          now = Time::now();
          waits[i].push_back(now - started);
        }
      });
    }
  }
  const Nanoseconds took = Time::now() - begun;
  {
    const std::lock_guard lock(mutex);
    stopping = true;
  }
  queued.notify_one();
  committer.join();
  std::vector<Nanoseconds> all;
  for (const auto& of_one : waits) all.insert(all.end(), of_one.begin(), of_one.end());
  return summarise(std::move(all), took, syncs);
}

Task<> commit_until(RocksStore& store, Time::time_point end, std::string record, std::uint64_t& next,
                    std::vector<Nanoseconds>& waits) {
  for (Time::time_point now = Time::now(); now < end;) {
    Batch batch;
    batch.put(make_key("bench", "000000000000", "eu-west-1", {sortable(next++)}), record);
    const Result<Ticket> ticket = store.commit(std::move(batch));
    if (!ticket) give_up(ticket.error().message());
    const Status durable = co_await store.durable(*ticket);
    if (!durable) give_up(durable.error().message());
    const Time::time_point done = Time::now();
    waits.push_back(done - now);
    now = done;
  }
}

struct Footprint {
  double open_ms = 0;
  long rss_kib = 0;
};

long rss_kib() {
  std::ifstream statm("/proc/self/statm");
  long size = 0;
  long resident = 0;
  statm >> size >> resident;
  return resident * (::sysconf(_SC_PAGESIZE) / 1024);
}

// A store of its own in `folder`.
struct OpenStore {
  explicit OpenStore(const std::string& folder) {
    const Time::time_point begun = Time::now();
    auto opened = RocksStore::open({.path = folder + "/db"}, loop, log);
    if (!opened) give_up(opened.error().message());
    store = std::move(*opened);
    footprint = {.open_ms = std::chrono::duration<double, std::milli>(Time::now() - begun).count(),
                 .rss_kib = rss_kib()};
  }
  SystemClock clock;
  net::Loop loop{clock};
  observe::Logger log{2, observe::Level::kWarn, observe::LogFormat::kText};
  std::unique_ptr<RocksStore> store;
  Footprint footprint;
};

Cell hearth(const std::string& folder, unsigned clients, Nanoseconds duration) {
  OpenStore open(folder);
  std::vector<Nanoseconds> waits;
  std::uint64_t next = 0;
  const Time::time_point begun = Time::now();
  for (unsigned i = 0; i < clients; ++i) {
    open.loop.spawn(commit_until(*open.store, begun + duration, std::string(kRecord, 'x'), next, waits));
  }
  open.loop.run();
  const Nanoseconds took = Time::now() - begun;
  return summarise(std::move(waits), took, open.store->sync_count());
}

using Program = std::function<Cell(const std::string&, unsigned, Nanoseconds)>;

// Runs `program` in an empty folder, which is removed afterwards.
Cell run(const Program& program, const std::string& parent, unsigned clients, Nanoseconds duration) {
  std::string folder = parent + "/hearth-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) give_up("cannot make a folder in " + parent);
  const Cell cell = program(folder, clients, duration);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  return cell;
}

Cell median(std::vector<Cell> rounds) {
  std::ranges::sort(rounds, {}, &Cell::per_second);
  return rounds[rounds.size() / 2];
}

struct Options {
  Nanoseconds duration{1'500'000'000};
  unsigned rounds = 3;
  std::string folder = ".";
  bool json = false;
};

std::string json_of(const Cell& cell) {
  return fmt::format(R"({{"per_second":{:.0f},"p50_us":{:.0f},"p99_us":{:.0f},"per_sync":{:.1f}}})", cell.per_second,
                     cell.p50_us, cell.p99_us, cell.per_sync);
}

std::string text_of(const Cell& cell) {
  return fmt::format("{:>8.0f}/s {:>6.0f}/{:<6.0f}", cell.per_second, cell.p50_us, cell.p99_us);
}

void compare(const Options& options) {
  Footprint footprint;
  run(
      [&](const std::string& folder, unsigned, Nanoseconds) {
        footprint = OpenStore(folder).footprint;
        return Cell();
      },
      options.folder, 1, options.duration);
  if (options.json) {
    fmt::print(R"({{"open_ms":{:.1f},"rss_kib":{}}})"
               "\n",
               footprint.open_ms, footprint.rss_kib);
  } else {
    fmt::print("opening an empty store: {:.1f} ms; resident afterwards: {:.1f} MiB\n", footprint.open_ms,
               static_cast<double>(footprint.rss_kib) / 1024);
    fmt::print("{:>7}  {:^26}  {:^26}  {:^26}  {:>8} {:>8} {:>8}\n", "clients", "bare fdatasync (p50/p99 us)",
               "threads, group commit", "hearth", "per sync", "/bare", "/threads");
  }
  for (const unsigned clients : {1U, 8U, 64U, 256U}) {
    std::vector<Cell> floor;
    std::vector<Cell> group;
    std::vector<Cell> ours;
    for (unsigned round = 0; round < options.rounds; ++round) {
      floor.push_back(run(bare, options.folder, clients, options.duration));
      group.push_back(run(threads, options.folder, clients, options.duration));
      ours.push_back(run(hearth, options.folder, clients, options.duration));
    }
    const Cell best = median(floor);
    const Cell peer = median(group);
    const Cell mine = median(ours);
    if (options.json) {
      fmt::print(R"({{"clients":{},"bare":{},"threads":{},"hearth":{}}})"
                 "\n",
                 clients, json_of(best), json_of(peer), json_of(mine));
    } else {
      fmt::print("{:>7}  {:>26}  {:>26}  {:>26}  {:>8.1f} {:>8.2f} {:>8.2f}\n", clients, text_of(best), text_of(peer),
                 text_of(mine), mine.per_sync, mine.per_second / best.per_second, mine.per_second / peer.per_second);
    }
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace hearth::storage

int main(int count, char** values) {
  hearth::storage::Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = values[i];
    const bool has_value = i + 1 < count;
    if (word == "--json") {
      options.json = true;
    } else if (word == "--seconds" && has_value) {
      options.duration = std::chrono::milliseconds(static_cast<long>(std::strtod(values[++i], nullptr) * 1000));
    } else if (word == "--rounds" && has_value) {
      options.rounds = std::max(1U, static_cast<unsigned>(std::strtoul(values[++i], nullptr, 10)));
    } else if (word == "--folder" && has_value) {
      options.folder = values[++i];
    } else {
      fmt::print(stderr, "usage: storage_bench [--seconds S] [--rounds N] [--folder DIR] [--json]\n");
      return 2;
    }
  }
  hearth::storage::compare(options);
  return 0;
}
