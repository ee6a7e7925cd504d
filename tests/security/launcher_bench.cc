// launcher_bench [N]: how long a sandbox takes, from the request in the server to the first byte of a native program
// inside, and to its answer; beside it the floor of this minute: the same program in a bare network namespace.

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "harness.h"
#include "launcher/network.h"
#include "net/fd_watch.h"

namespace hearth::security {
namespace {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

struct Figures {
  std::vector<double> answered_us, first_byte_us, ended_us, floor_us;
};

void report(const char* what, std::vector<double> us) {
  if (us.empty()) return;
  std::ranges::sort(us);
  std::printf("%-48s min %7.0f  median %7.0f  p90 %7.0f us  (n=%zu)\n", what, us.front(), us[us.size() / 2],
              us[us.size() * 9 / 10], us.size());
}

net::Task<> measure(Harness* harness, int count, Figures* figures, std::promise<void>* done) {
  for (int i = 0; i < count; ++i) {
    sandbox::SandboxSpec spec = harness->spec({});
    spec.argv = {"/var/task/bench_guest"};
    spec.cpu_milli = 1000;
    const auto began = Clock::now();
    auto created = co_await harness->client().create(std::move(spec));
    if (!created) {
      std::fprintf(stderr, "%s\n", created.error().message().c_str());
      break;
    }
    figures->answered_us.push_back(Microseconds(Clock::now() - began).count());
    const sandbox::SandboxListeners listeners = (*created)->take_listeners();
    UniqueFd connection;
    {
      net::FdWatch watch(harness->loop(), listeners.runtime_api.get());
      co_await watch.readable(Clock::now() + patience());
      connection.reset(::accept4(listeners.runtime_api.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    }
    {
      net::FdWatch watch(harness->loop(), connection.get());
      co_await watch.readable(Clock::now() + patience());
    }
    figures->first_byte_us.push_back(Microseconds(Clock::now() - began).count());
    const auto exited = std::make_shared<net::OneShot<bool>>(harness->loop().executor());
    (*created)->on_exit([exited](sandbox::Exit) { exited->set(true); });
    const auto killed = Clock::now();
    (*created)->kill();
    co_await exited->wait_until(Clock::now() + patience());
    figures->ended_us.push_back(Microseconds(Clock::now() - killed).count());
    created->reset();
    co_await net::sleep_for(std::chrono::milliseconds(15));  // the launcher refills its pool when it is quiet
  }
  done->set_value();
}

// The floor: fork, join a network namespace made ahead, exec the same program, its first byte. No other isolation.
Status measure_floor(int count, Figures& figures) {
  const std::string program = std::string(HEARTH_ATTACK_FOLDER) + "/bench_guest";
  TRY(launcher::NetworkPool pool, launcher::NetworkPool::open(1));
  for (int i = 0; i < count; ++i) {
    TRY_STATUS(pool.add_one());
    TRY(const launcher::Network network, pool.take());
    const int listener = network.sockets[static_cast<std::size_t>(launcher::Socket::kRuntimeApi)].get();
    ::fcntl(listener, F_SETFL, 0);
    const auto began = Clock::now();
    const pid_t pid = ::fork();
    if (pid < 0) return fail(launcher::FailureKind::kNoResources, "fork");
    if (pid == 0) {
      if (::setns(network.netns.get(), CLONE_NEWNET) == 0) ::execl(program.c_str(), "bench_guest", nullptr);
      ::_exit(127);
    }
    const UniqueFd connection(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    char byte = 0;
    if (::read(connection.get(), &byte, 1) == 1) {
      figures.floor_us.push_back(Microseconds(Clock::now() - began).count());
    }
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  return {};
}

int run(int count) {
  if (const std::string reason = reason_to_skip(); !reason.empty()) {
    std::fprintf(stderr, "%s\n", reason.c_str());
    return 77;
  }
  Figures figures;
  {
    Harness harness;
    std::promise<void> done;
    harness.loop().post([&] { harness.loop().spawn(measure(&harness, count, &figures, &done)); });
    done.get_future().get();
  }
  if (Status measured = measure_floor(count, figures); !measured) {
    std::fprintf(stderr, "%s\n", measured.error().message().c_str());
  }
  report("request -> launcher's answer", figures.answered_us);
  report("request -> first byte from inside", figures.first_byte_us);
  report("kill -> exit reported", figures.ended_us);
  report("floor: fork, join a network namespace, exec", figures.floor_us);
  return 0;
}

}  // namespace
}  // namespace hearth::security

int main(int argc, char** argv) { return hearth::security::run(argc > 1 ? std::atoi(argv[1]) : 200); }
