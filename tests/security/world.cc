#include "world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "outside_attempts.h"

namespace hearth::security {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHostAddress = "192.0.2.77";
constexpr const char* kMetadataAddress = "169.254.169.254";
constexpr int kPids = 48;
constexpr int kOpenFiles = 200;
constexpr int kMemoryMib = 64;
constexpr int kTmpMib = 4;
constexpr int kTmpFiles = 256;
constexpr int kNeighbourPort = 4444;

bool set_address(const char* interface, const char* address) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, interface, sizeof request.ifr_name - 1);
  sockaddr_in inet{};
  inet.sin_family = AF_INET;
  ::inet_pton(AF_INET, address, &inet.sin_addr);
  std::memcpy(&request.ifr_addr, &inet, sizeof inet);
  if (::ioctl(socket.get(), SIOCSIFADDR, &request) != 0) return false;
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

// Launchers claim ranges of user ids by the name of a socket in their network namespace. Ours cannot see who else has
// one, so it starts somewhere further up.
void claim_low_uid_ranges() {
  const int count = 2 + static_cast<int>(::getpid() % 10);
  for (int i = 0; i < count; ++i) {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "hearth-uids-" + std::to_string(200'000 + 10'000 * i);
    name.copy(address.sun_path + 1, name.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    [[maybe_unused]] const int bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), length);  // kept to the end
  }
}

void write_file(const fs::path& path, mode_t mode) {
  std::ofstream(path) << "secret";
  ::chmod(path.c_str(), mode);
}

void note_outcomes(const std::string& output, Outcomes& outcomes) {
  std::istringstream lines(output);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t space = line.find(' ');
    if (space != std::string::npos) outcomes[line.substr(0, space)] = line.substr(space + 1);
  }
}

}  // namespace

bool enter_test_namespaces() {
  static const bool entered = [] {
    if (::unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) return false;
    claim_low_uid_ranges();
    return set_address("lo", "127.0.0.1") && set_address("lo:1", kHostAddress) && set_address("lo:2", kMetadataAddress);
  }();
  return entered;
}

AttemptNames list_attempts() {
  AttemptNames names;
  const std::unique_ptr<FILE, decltype([](FILE* pipe) { ::pclose(pipe); })> list(
      ::popen("'" HEARTH_ATTACK_FOLDER "/attempt' list", "r"));
  char kind[16], name[64];
  while (list && std::fscanf(list.get(), "%15s %63s", kind, name) == 2) {
    (std::string(kind) == "alone" ? names.alone : names.together).emplace_back(name);
  }
  return names;
}

World::World(const std::string& left_out) : harness_(std::make_unique<Harness>(left_out)) {
  make_files();
  listen();
  const auto tell = [this](const std::string& name, const std::string& value) {
    told_.push_back("ATTEMPT_" + name + "=" + value);
  };
  tell("INSIDE", "yes");
  tell("CODE", "/opt");  // the launcher replaces these two where there are no such places
  tell("TMP", "/tmp");
  tell("OTHER_CODE", harness_->source_folder() + "/other/handler.py");
  tell("HOST_FILE", harness_->source_folder() + "/host_file");
  tell("SOURCE_WORD", fs::path(harness_->source_folder()).filename().string());
  tell("HOST_PID", std::to_string(host_process()));
  tell("LAUNCHER_PID", std::to_string(harness_->launcher_pid()));
  tell("HOST_ADDRESS", kHostAddress);
  tell("TMP_MIB", std::to_string(kTmpMib));
  tell("TMP_FILES", std::to_string(kTmpFiles));
  tell("OPEN_FILES", std::to_string(kOpenFiles));
  tell("MEMORY_MIB", std::to_string(kMemoryMib));
  tell("PIDS", std::to_string(kPids));
}

// A process of the host that runs as what else of Hearth's does in this tier: root, or the launcher's user.
pid_t World::host_process() {
  if (tier_under_test() == "namespace") return ::getpid();
  int ready[2];
  if (::pipe(ready) != 0) return ::getpid();
  stand_in_ = ::fork();
  if (stand_in_ == 0) {
    become_ordinary();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // As the server: nobody of the same user gets hold of its memory.
    ::prctl(PR_SET_DUMPABLE, 0);
    [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
    for (;;) ::pause();
  }
  char said = 0;
  EXPECT_EQ(::read(ready[0], &said, 1), 1);
  ::close(ready[0]);
  ::close(ready[1]);
  return stand_in_;
}

World::~World() {
  if (stand_in_ > 0) {
    ::kill(stand_in_, SIGKILL);
    ::waitpid(stand_in_, nullptr, 0);
  }
  if (shared_memory_ >= 0) ::shmctl(shared_memory_, IPC_RMID, nullptr);
  ::mq_unlink(("/" + harness_->prefix()).c_str());
}

void World::make_files() const {
  const fs::path root = harness_->source_folder();
  for (const char* folder : {"other", "code", "code/folder"}) fs::create_directories(root / folder);
  ::chmod((root / "code/folder").c_str(), 0777);
  write_file(root / "other/handler.py", 0644);
  write_file(root / "host_file", 0644);
  write_file(root / "bundle", 0644);
  write_file(root / "code/anyone", 0666);
  write_file(root / "code/owner_only", 0600);
  fs::create_symlink("../../../../../.." + (root / "host_file").string(), root / "code/relative_link");
  fs::create_symlink(root / "host_file", root / "code/absolute_link");
  fs::create_symlink("/etc", root / "code/etc");
  fs::copy_file(HEARTH_ATTACK_FOLDER "/attempt", root / "code/set_user_id");
  give_to_launcher(root.string());
  ::chmod((root / "code/set_user_id").c_str(), 04755);
}

void World::listen() {
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  EXPECT_EQ(::listen(listener.get(), 64), 0);
  EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  told_.push_back("ATTEMPT_PORT=" + std::to_string(ntohs(address.sin_port)));
  open_.push_back(std::move(listener));

  UniqueFd abstract(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  harness_->prefix().copy(name.sun_path + 1, harness_->prefix().size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + harness_->prefix().size());
  EXPECT_EQ(::bind(abstract.get(), reinterpret_cast<sockaddr*>(&name), length), 0);
  EXPECT_EQ(::listen(abstract.get(), 64), 0);
  told_.push_back("ATTEMPT_ABSTRACT=" + harness_->prefix());
  open_.push_back(std::move(abstract));

  const key_t key = 0x48000000 + ::getpid();
  shared_memory_ = ::shmget(key, 4096, IPC_CREAT | 0666);
  EXPECT_GE(shared_memory_, 0);
  told_.push_back("ATTEMPT_SHM_KEY=" + std::to_string(key));

  const std::string queue = "/" + harness_->prefix();
  const mode_t mask = ::umask(0);
  const mqd_t opened = ::mq_open(queue.c_str(), O_CREAT | O_RDWR, 0666, nullptr);
  ::umask(mask);
  EXPECT_GE(opened, 0);
  if (opened >= 0) ::mq_close(opened);
  told_.push_back("ATTEMPT_QUEUE=" + queue);
}

sandbox::SandboxSpec World::spec(const std::vector<std::string>& attempts) {
  sandbox::SandboxSpec spec = harness_->spec(attempts);
  spec.argv.front() = "/var/task/attempt";
  spec.mounts.push_back({code_folder(), "/opt"});
  spec.mounts.push_back({harness_->source_folder() + "/bundle", "/etc/ssl/certs/ca-certificates.crt"});
  spec.env.insert(spec.env.end(), told_.begin(), told_.end());
  spec.memory = ByteCount::mib(kMemoryMib);
  spec.tmp_size = ByteCount::mib(kTmpMib);
  spec.tmp_inodes = kTmpFiles;
  spec.pids = kPids;
  spec.open_files = kOpenFiles;
  if (attempts == std::vector<std::string>{"processor"}) spec.cpu_milli = 10;
  return spec;
}

// One that has a port to reach: of its own making, or, where nobody may listen, its Runtime API's.
std::unique_ptr<Inside> World::start_neighbour() {
  const bool may_listen = tier_under_test() != "landlock";
  auto neighbour = may_listen ? harness_->start({"helper", "listen", std::to_string(kNeighbourPort)})
                              : harness_->start({"helper", "tick"});
  EXPECT_TRUE(neighbour != nullptr && neighbour->read_line() == (may_listen ? "ready" : "tick"));
  int port = kNeighbourPort;
  if (neighbour != nullptr && !may_listen) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    const int listener = neighbour->listeners().runtime_api.get();
    EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port = ntohs(address.sin_port);
  }
  told_.push_back("ATTEMPT_NEIGHBOUR_PORT=" + std::to_string(port));
  return neighbour;
}

Outcomes World::run_all() {
  const AttemptNames names = list_attempts();
  Outcomes outcomes;
  for (const auto* group : {&names.together, &names.alone}) {
    for (const std::string& name : *group) outcomes[name] = "silent";
  }
  const auto neighbour = start_neighbour();
  std::vector<std::unique_ptr<Inside>> running;
  running.push_back(harness_->start(spec({"together"})));
  for (const std::string& name : names.alone) running.push_back(harness_->start(spec({name})));
  for (const auto& inside : running) {
    if (inside != nullptr) note_outcomes(inside->read_stdout(), outcomes);
  }
  outcomes.erase("done");
  running.clear();
  for (const OutsideAttempt& attempt : outside_attempts()) outcomes[attempt.name] = attempt.run(*this);
  return outcomes;
}

}  // namespace hearth::security
