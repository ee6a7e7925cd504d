#include "sandbox/fake_sandbox.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace hearth::sandbox {
namespace {

// A socket bound to a name the kernel chose (abstract namespace); `name` receives it.
UniqueFd bound_unix_socket(int type, std::string& name) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  HEARTH_CHECK(fd, std::strerror(errno));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  HEARTH_CHECK(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)) == 0, std::strerror(errno));
  if (type == SOCK_STREAM) HEARTH_CHECK(::listen(fd.get(), 64) == 0, std::strerror(errno));
  socklen_t length = sizeof(address);
  HEARTH_CHECK(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0, std::strerror(errno));
  name.assign(address.sun_path, length - offsetof(sockaddr_un, sun_path));
  return fd;
}

void make_pipe(UniqueFd& read_end, UniqueFd& write_end) {
  int ends[2];
  HEARTH_CHECK(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, std::strerror(errno));
  read_end.reset(ends[0]);
  write_end.reset(ends[1]);
}

void write_whole(const UniqueFd& fd, std::string_view bytes) {
  HEARTH_CHECK(fd, "the fake process has ended");
  const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
  HEARTH_CHECK(written == static_cast<ssize_t>(bytes.size()), "fake pipe is full or closed");
}

}  // namespace

FakeProcess::FakeProcess(net::Loop& loop, SandboxSpec spec) : loop_(loop), spec_(std::move(spec)) {
  cpu_milli_ = spec_.cpu_milli;
  listeners_.runtime_api = bound_unix_socket(SOCK_STREAM, names_[0]);
  listeners_.http = bound_unix_socket(SOCK_STREAM, names_[1]);
  listeners_.https = bound_unix_socket(SOCK_STREAM, names_[2]);
  listeners_.dns_udp = bound_unix_socket(SOCK_DGRAM, names_[3]);
  listeners_.dns_tcp = bound_unix_socket(SOCK_STREAM, names_[4]);
  make_pipe(stdout_read_, stdout_write_);
  make_pipe(stderr_read_, stderr_write_);
  make_pipe(log_read_, log_write_);
}

UniqueFd FakeProcess::connect(Listener listener) const {
  const int type = listener == Listener::kDnsUdp ? SOCK_DGRAM : SOCK_STREAM;
  const std::string& name = names_[static_cast<std::size_t>(listener)];
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  HEARTH_CHECK(fd, std::strerror(errno));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  HEARTH_CHECK(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), length) == 0, std::strerror(errno));
  return fd;
}

void FakeProcess::write_stdout(std::string_view text) const { write_whole(stdout_write_, text); }
void FakeProcess::write_stderr(std::string_view text) const { write_whole(stderr_write_, text); }
void FakeProcess::write_log_pipe(std::string_view bytes) const { write_whole(log_write_, bytes); }

void FakeProcess::use_memory(ByteCount peak) {
  if (peak > peak_.load()) peak_ = peak;
}

void FakeProcess::exit(Exit exit) {
  if (!alive_) return;
  alive_ = false;
  frozen_ = false;
  stdout_write_.reset();
  stderr_write_.reset();
  log_write_.reset();
  exit_ = exit;
  report_exit();
}

// Reports once both the exit and the callback are known, in a later turn of the loop.
void FakeProcess::report_exit() {
  if (!exit_ || !on_exit_) return;
  loop_.post([self = self_.lock()] {
    if (!self || !self->on_exit_ || self->destroyed_) return;
    auto callback = std::exchange(self->on_exit_, nullptr);
    callback(*self->exit_);
  });
}

class FakeSandbox final : public Sandbox {
 public:
  explicit FakeSandbox(std::shared_ptr<FakeProcess> process) : process_(std::move(process)) {}
  ~FakeSandbox() override {
    process_->destroyed_ = true;
    process_->exit({.code = 0, .signal = SIGKILL, .oom_killed = false});
    process_->on_exit_ = nullptr;
  }

  SandboxListeners take_listeners() override { return std::move(process_->listeners_); }
  UniqueFd take_stdout() override { return std::move(process_->stdout_read_); }
  UniqueFd take_stderr() override { return std::move(process_->stderr_read_); }
  UniqueFd take_log_pipe() override { return std::move(process_->log_read_); }
  void kill() override {
    ++process_->kill_count_;
    process_->exit({.code = 0, .signal = SIGKILL, .oom_killed = false});
  }
  void terminate() override {
    ++process_->terminate_count_;
    if (process_->exits_on_terminate) process_->exit(*process_->exits_on_terminate);
  }
  Status freeze() override {
    if (process_->freeze_error) return fail(*process_->freeze_error);
    ++process_->freeze_count_;
    process_->frozen_ = process_->alive_.load();
    return {};
  }
  Status thaw() override {
    process_->frozen_ = false;
    return {};
  }
  Status limit_cpu(std::uint32_t milli) override {
    process_->cpu_milli_ = milli;
    return {};
  }
  ByteCount peak_memory() override { return process_->peak_; }
  void reset_peak_memory() override { process_->peak_ = ByteCount{}; }
  void on_exit(std::move_only_function<void(Exit)> callback) override {
    process_->on_exit_ = std::move(callback);
    process_->report_exit();
  }

 private:
  std::shared_ptr<FakeProcess> process_;
};

net::Task<Result<std::unique_ptr<Sandbox>>> FakeSandboxFactory::create(SandboxSpec spec) {
  if (!failures_.empty()) {
    Error error = std::move(failures_.front());
    failures_.pop_front();
    co_return fail(std::move(error));
  }
  auto process = std::make_shared<FakeProcess>(loop_, std::move(spec));
  process->self_ = process;
  processes_.push_back(process);
  if (on_create_) on_create_(*process);
  co_return std::make_unique<FakeSandbox>(std::move(process));
}

std::size_t FakeSandboxFactory::alive_count() const {
  std::size_t count = 0;
  for (const auto& process : processes_) count += process->is_alive() ? 1 : 0;
  return count;
}

}  // namespace hearth::sandbox
