// hearth_simulation: tells stories (story.h) and prints the seeds of those that broke a promise.
//
//   hearth_simulation --seeds 1..500            many; ends with 1 if any found something
//   hearth_simulation --seed 17 --trace         one, with everything that happens in it
//   --steps M    what clients do in a story (200)      --jobs N   stories at a time (2)
//   --mutant X   with a bug planted                    --keep-going  not to stop at the first finding

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "seed_runner.h"

namespace {

using namespace hearth::simulation;

struct Arguments {
  StoryOptions story;
  std::uint64_t first = 1;
  std::uint64_t last = 100;
  unsigned jobs = 2;
  bool keeps_going = false;
};

[[noreturn]] void usage(const char* problem) {
  std::fprintf(stderr,
               "hearth_simulation: %s\nusage: hearth_simulation [--seed N | --seeds A..B] [--steps M] [--trace] "
               "[--jobs N] [--keep-going] [--mutant NAME]\nmutants:",
               problem);
  for (const MutantName& each : kMutants) std::fprintf(stderr, " %s", std::string(each.name).c_str());
  std::fprintf(stderr, "\n");
  std::exit(2);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) usage("a number is expected");
  return value;
}

Arguments read(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const auto value = [&] {
      if (++i >= count) usage("a value is missing");
      return std::string_view(words[i]);
    };
    if (word == "--seed") {
      arguments.first = arguments.last = number(value());
    } else if (word == "--seeds") {
      const std::string_view range = value();
      const std::size_t dots = range.find("..");
      if (dots == std::string_view::npos) usage("--seeds wants A..B");
      arguments.first = number(range.substr(0, dots));
      arguments.last = number(range.substr(dots + 2));
    } else if (word == "--steps") {
      arguments.story.steps = number(value());
    } else if (word == "--jobs") {
      arguments.jobs = static_cast<unsigned>(number(value()));
    } else if (word == "--trace") {
      arguments.story.printing = Trace::Printing::kYes;
    } else if (word == "--keep-going") {
      arguments.keeps_going = true;
    } else if (word == "--mutant") {
      const auto mutant = find_mutant(value());
      if (!mutant) usage("there is no such mutant");
      arguments.story.mutant = *mutant;
    } else {
      usage("an argument is not known");
    }
  }
  return arguments;
}

}  // namespace

int main(int count, char** words) {
  const Arguments arguments = read(count, words);
  const auto started = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  std::uint64_t bad = 0;
  std::uint64_t invocations = 0;
  std::uint64_t runs = 0;
  std::uint64_t lives = 0;
  std::uint64_t virtual_seconds = 0;
  run_seeds(arguments.story, arguments.first, arguments.last, arguments.jobs, [&](const SeedResult& result) {
    ++done;
    invocations += result.end.invocations;
    runs += result.end.runs;
    lives += result.end.lives;
    virtual_seconds += result.end.virtual_seconds;
    if (arguments.first == arguments.last)
      std::printf("trace %s, %lu lines\n", result.end.trace_hash.c_str(), result.end.lines);
    if (result.end.violations.empty()) return true;
    ++bad;
    for (const std::string& violation : result.end.violations) {
      std::printf("seed %lu: %s\n", result.seed, violation.c_str());
    }
    std::printf("replay: hearth_simulation --seed %lu --steps %lu --trace\n", result.seed, arguments.story.steps);
    std::fflush(stdout);
    return arguments.keeps_going;
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::printf(
      "%lu seeds, %lu with findings; %lu invocations, %lu runs, %lu lives of the server, %lu virtual hours; %.1f s\n",
      done, bad, invocations, runs, lives, virtual_seconds / 3600, took.count());
  return bad == 0 ? 0 : 1;
}
