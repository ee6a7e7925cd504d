#include "story.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"
#include "client.h"
#include "core.h"
#include "misfortune.h"
#include "model.h"

namespace hearth::simulation {
namespace {

using namespace std::chrono_literals;

// Within which all must be quiet. Throttled events wait up to five minutes at a time, and with a limit of one they
// throttle each other; but none may come near the six hours after which it is given up.
constexpr auto kRest = 4h;

// What a power cut ended: it keeps its memory for ever, since nothing of it may run any more, not even destructors.
template <class T>
void abandon(std::unique_ptr<T> thing) {
  static auto* const graveyard = new std::vector<T*>();
  graveyard->push_back(thing.release());
}

class Story {
 public:
  explicit Story(const StoryOptions& options);
  StoryEnd run();

 private:
  enum class Ending : std::uint8_t { kPowerCut, kStop, kPeace };
  using Streams = std::set<std::pair<std::string, std::string>>;  // group, stream
  struct Life {
    Life(std::unique_ptr<Core> the_core, Town the_town)
        : core(std::move(the_core)),
          town(std::move(the_town)),
          clients_gate(core->loop()),
          misfortune_gate(core->loop()) {}
    std::unique_ptr<Core> core;
    Town town;
    net::Gate clients_gate;
    net::Gate misfortune_gate;
    std::deque<Client> clients;
    Streams old_streams;
    Ending ending = Ending::kPeace;
    bool reached_its_end = false;
    bool is_stuck = false;
  };

  Machine machine() { return {kernel_, trace_, ledger_, disk_, seam_files_, habits_, log_fd_, options_.mutant}; }
  void live(Ending ending, std::uint64_t steps);
  net::Task<> direct(Life& life);
  net::Task<> come_to_rest(Life& life);
  Streams function_streams(services::logs::Service& logs);
  void check_logs(Life& life);
  void check_stream(services::logs::Service& logs, const std::string& group, const std::string& stream);
  std::vector<services::logs::Event> read_stream(services::logs::Service& logs, const std::string& group,
                                                 const std::string& stream);
  void lose_power();
  void note_server_log();

  const StoryOptions options_;
  Random random_;
  Kernel kernel_;
  Trace trace_;
  Ledger ledger_{trace_};
  SimulatedDisk disk_;
  storage::FaultyDisk files_;
  SeamFiles seam_files_;
  InitHabits habits_;
  Misfortune misfortune_;
  Model model_;
  int log_fd_;
  std::uint64_t next_word_ = 1;
  std::vector<Client::Belongings> belongings_;
};

const services::logs::Scope kScope{std::string(gateway::kDefaultAccount), "us-east-1"};

Story::Story(const StoryOptions& options)
    : options_(options),
      random_(options.seed),
      kernel_(random_.next()),
      trace_(kernel_, options.printing),
      seam_files_(files_, options.mutant),
      misfortune_(random_.split(), files_),
      log_fd_(::memfd_create("server-log", MFD_CLOEXEC)) {
  HEARTH_CHECK(log_fd_ >= 0, "memfd_create");
  const std::int64_t clients = random_.between(2, 5);
  std::vector<std::string> all;
  for (std::int64_t i = 0; i < clients; ++i) {
    Client::Belongings mine;
    for (std::int64_t k = random_.between(1, 2); k > 0; --k)
      mine.functions.push_back(fmt::format("f{}", all.size() + mine.functions.size()));
    mine.role = fmt::format("role-{}", i);
    mine.log_group = fmt::format("/clients/{}", i);
    all.insert(all.end(), mine.functions.begin(), mine.functions.end());
    belongings_.push_back(std::move(mine));
  }
  for (Client::Belongings& mine : belongings_) mine.all_functions = all;
}

StoryEnd Story::run() {
  const std::int64_t lives = random_.between(1, 4);
  for (std::int64_t i = 1; i <= lives && trace_.violations().empty(); ++i) {
    const Ending ending = i == lives ? Ending::kPeace : random_.one_in(3) ? Ending::kStop : Ending::kPowerCut;
    live(ending, options_.steps / static_cast<std::uint64_t>(lives));
  }
  StoryEnd end;
  end.invocations = ledger_.asked_count();
  end.runs = ledger_.run_count();
  end.lives = static_cast<std::uint64_t>(ledger_.life());
  end.virtual_seconds = static_cast<std::uint64_t>(kernel_.since_start() / 1s);
  end.violations = trace_.violations();
  end.lines = trace_.lines();
  end.trace_hash = trace_.hash();
  ::close(log_fd_);
  return end;
}

void Story::live(Ending ending, std::uint64_t steps) {
  const CoreLimits limits{.concurrency = static_cast<std::uint32_t>(random_.between(1, 6)),
                          .environments = static_cast<std::uint32_t>(random_.between(1, 8))};
  ledger_.begin_life(limits.concurrency);
  model_.settle_all();
  kernel_.forget_timers();
  trace_.note("story", fmt::format("life {} begins: {} at once, {} environments, ends by {}", ledger_.life(),
                                   limits.concurrency, limits.environments, static_cast<int>(ending)));
  auto core = Core::build(machine(), limits, random_.split());
  if (!core) return trace_.violation("the server does not start: " + core.error().message());
  Town town{(*core)->loop(), trace_, ledger_, model_, {}, steps, false, next_word_};
  auto life = std::make_unique<Life>(*std::move(core), std::move(town));
  life->ending = ending;
  life->old_streams = function_streams(life->core->logs());
  std::size_t number = 0;
  for (const Client::Belongings& mine : belongings_) {
    life->clients.emplace_back(life->town, fmt::format("client {}", number++), mine, random_.split(), Manners::kBad);
  }
  net::Loop& loop = life->core->loop();
  const auto on_stuck = [&life = *life, &loop] {
    life.is_stuck = true;
    loop.stop();
  };
  kernel_.watch_for_stillness(12h, on_stuck);
  life->core->start();
  life->town.address = life->core->address();
  loop.spawn(direct(*life));
  loop.run();
  next_word_ = life->town.next_word;
  note_server_log();
  if (life->is_stuck) {
    trace_.violation("the server hangs: nothing moves, or not all has ended; " + life->core->leaks());
  }
  if (ending == Ending::kPowerCut || life->is_stuck) {
    lose_power();
    abandon(std::move(life));
    return;
  }
  if (!life->reached_its_end) trace_.violation("the server did not stop");
  if (const std::string leaks = life->core->leaks(); !leaks.empty()) trace_.violation("left after the stop: " + leaks);
  life.reset();
  if (ending == Ending::kStop) files_.heal();
}

// The server's life, from outside. It returns when nothing is left to do, or leaves the loop at once when the power
// goes.
net::Task<> Story::direct(Life& life) {
  for (Client& client : life.clients) co_await client.check_promises();
  for (Client& client : life.clients) co_await client.check_functions_run();
  trace_.note("story", "clients begin");
  for (Client& client : life.clients) life.clients_gate.spawn(client.live());
  life.misfortune_gate.spawn(misfortune_.strike(*life.core, machine(), life.clients_gate));
  if (life.ending != Ending::kPeace) {
    // Somewhere in the middle.
    const auto length = std::chrono::milliseconds(100 + 15 * life.town.steps_left);
    const auto when = random_.up_to(length);
    const SteadyTime deadline = life.core->loop().clock().steady_now() + when;
    (void)co_await life.clients_gate.drained_until(deadline);
    if (life.ending == Ending::kPowerCut) {
      // More often than chance would have it, while several writes are on their way to the disk.
      const SteadyTime latest = life.core->loop().clock().steady_now() + 500ms;
      while (!random_.one_in(disk_.on_its_way.size() > 1 ? 4 : 2000) &&
             life.core->loop().clock().steady_now() < latest) {
        co_await net::sleep_for(100us);
      }
      trace_.note("story", "the power goes");
      life.core->loop().stop();
      co_return;
    }
    trace_.note("story", "the server is told to stop");
    life.town.is_closing = true;
    life.clients_gate.close();
    disk_.health = SimulatedDisk::Health::kFine;
  } else {
    co_await life.clients_gate.drained();
    life.clients_gate.close();
    co_await life.misfortune_gate.drained();
    misfortune_.cease(*life.core, machine());
    co_await come_to_rest(life);
  }
  ledger_.interrupt_runs();
  co_await life.core->stop();
  trace_.note("story", "stopped");
  if (life.ending == Ending::kStop) check_logs(life);
  co_await life.clients_gate.drained();
  life.misfortune_gate.close();
  co_await life.misfortune_gate.drained();
  life.reached_its_end = true;
  kernel_.watch_for_stillness(1h, [&life] {
    life.is_stuck = true;
    life.core->loop().stop();
  });
}

net::Task<> Story::come_to_rest(Life& life) {
  trace_.note("story", "peace");
  const Clock& clock = life.core->loop().clock();
  const SteadyTime deadline = clock.steady_now() + kRest;
  while (!life.core->busy().empty() && clock.steady_now() < deadline) co_await net::sleep_for(5s);
  const std::string busy = life.core->busy();
  if (!busy.empty()) trace_.violation("not at rest after four hours: " + busy);
  ledger_.check_at_rest();
  co_await net::sleep_for(2min);  // what was tried and never answered has happened by now, or never will
  for (Client& client : life.clients) co_await client.check_promises();
  for (Client& client : life.clients) co_await client.check_functions_run();
  co_await net::sleep_for(1s);  // for the log lines of these
  check_logs(life);
}

// --- logs -----------------------------------------------------------------------------------------------------------

// What a task of the service returns, which has no reason to wait here: simulated time stands still while it runs.
template <class T>
net::Task<> note(net::Task<T> task, std::optional<T>& result) {
  result = co_await std::move(task);
}
template <class T>
T at_once(net::Task<T> task) {
  const SystemClock clock;
  net::Loop loop(clock);
  std::optional<T> result;
  loop.spawn(note(std::move(task), result));
  loop.run();
  return std::move(*result);
}

std::vector<services::logs::Event> Story::read_stream(services::logs::Service& logs, const std::string& group,
                                                      const std::string& stream) {
  std::vector<services::logs::Event> events;
  std::string token;
  for (;;) {
    auto page = at_once(logs.get_events(kScope, group, stream, {}, token, services::logs::Service::Begin::kHead));
    if (!page) {
      trace_.violation("the log " + group + " " + stream + " cannot be read: " + page.error().message());
      return events;
    }
    if (page->events.empty()) break;
    std::ranges::move(page->events, std::back_inserter(events));
    token = page->forward_token;
  }
  // In the order in which they were taken: the wall clock may have gone back meanwhile.
  std::ranges::sort(events, {}, [](const services::logs::Event& event) { return event.at.sequence; });
  return events;
}

// Between START and END of a request there are its own lines only.
void Story::check_stream(services::logs::Service& logs, const std::string& group, const std::string& stream) {
  std::string current;
  for (const services::logs::Event& event : read_stream(logs, group, stream)) {
    const std::string_view text = event.message;
    const auto id_after = [&](std::string_view start) { return std::string(text.substr(start.size(), 36)); };
    if (text.starts_with("START RequestId: ")) {
      if (!current.empty()) trace_.violation("in " + stream + " " + current + " has no END");
      current = id_after("START RequestId: ");
      const Asked* const asked = ledger_.find_by_request_id(current);
      if (asked != nullptr && "/aws/lambda/" + asked->function != group) {
        trace_.violation(current + " of " + asked->function + " is logged in " + group);
      }
    } else if (text.starts_with("END RequestId: ")) {
      if (id_after("END RequestId: ") != current)
        trace_.violation("in " + stream + " an END without START: " + event.message);
      current.clear();
    } else if (text.starts_with("LINE ") && id_after("LINE ") != current) {
      trace_.violation("in " + stream + " a line of " + id_after("LINE ") + " is in '" + current + "'");
    }
  }
}

Story::Streams Story::function_streams(services::logs::Service& logs) {
  Streams all;
  for (const auto& [name, known] : model_.functions) {
    const std::string group = "/aws/lambda/" + name;
    const auto streams = at_once(logs.streams(kScope, group, ""));
    if (!streams) continue;  // nothing was ever logged
    for (const auto& stream : *streams) all.emplace(group, stream.name);
  }
  return all;
}

void Story::check_logs(Life& life) {
  services::logs::Service& logs = life.core->logs();
  // A store that refuses loses lines of functions, and so may lose a START; as a power cut may lose the last ones.
  const bool has_lost_lines = life.core->store().refusals() > 0;
  for (const auto& [group, stream] : function_streams(logs)) {
    if (!has_lost_lines && !life.old_streams.contains({group, stream})) check_stream(logs, group, stream);
  }
  for (const auto& [group, messages] : model_.log_messages) {
    if (messages.empty()) continue;
    std::vector<std::string> found;
    for (const auto& event : read_stream(logs, group, "s")) found.push_back(event.message);
    for (const std::string& message : messages) {
      if (std::ranges::count(found, message) != 1) {
        trace_.violation(
            fmt::format("the message {} is {} times in {}", message, std::ranges::count(found, message), group));
      }
    }
  }
}

// --- the machine ----------------------------------------------------------------------------------------------------

void Story::lose_power() {
  ledger_.interrupt_runs();
  disk_.cut_power(random_, options_.mutant);
  disk_.health = SimulatedDisk::Health::kFine;
  disk_.slowest_sync = 2ms;
  habits_ = {};
  files_.heal();
  files_.lose_unsynced(static_cast<std::uint64_t>(random_.between(0, 255)));
  // Unpacked packages are not synced, and marked with the boot they were made in: after this one they are rubbish.
  std::error_code ignored;
  for (const auto& item : std::filesystem::recursive_directory_iterator("trees", ignored)) {
    if (item.is_regular_file()) std::ofstream(item.path(), std::ios::trunc) << "torn\n";
  }
}

void Story::note_server_log() {
  ::lseek(log_fd_, 0, SEEK_SET);
  std::string text;
  char buffer[65'536];
  for (ssize_t got = 0; (got = ::read(log_fd_, buffer, sizeof(buffer))) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  [[maybe_unused]] const int emptied = ::ftruncate(log_fd_, 0);
  ::lseek(log_fd_, 0, SEEK_SET);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    trace_.note("server log", line);
    const bool is_bug = line.find("check failed") != std::string::npos ||
                        line.find("an exception") != std::string::npos ||
                        line.find("handler failed") != std::string::npos;
    if (is_bug) trace_.violation("the server hit a bug of its own: " + line);
    at = end + 1;
  }
}

}  // namespace

StoryEnd tell(const StoryOptions& options) {
  const auto story = std::make_unique<Story>(options);
  return story->run();
}

}  // namespace hearth::simulation
