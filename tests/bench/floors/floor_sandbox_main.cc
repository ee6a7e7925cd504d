// floor_sandbox COUNT INSIDE
//
// The least a full sandbox costs: COUNT times one after the other, from the request to the first byte from within, and
// from the kill to the end of the process. All namespaces, the machine's cgroups, a read-only root with bind mounts,
// tmpfs, /dev and /proc, pivot_root, Landlock, seccomp, exec of INSIDE (floor_inside, a program without libc).
// Needs root. What it makes it removes.

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

#include "floor.h"

namespace {

namespace fs = std::filesystem;

void need(bool done, std::string_view what) {
  if (!done) floors::give_up(what);
}

void write_file(const fs::path& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  need(fd >= 0 && ::write(fd, text.data(), text.size()) == std::ssize(text), path.c_str());
  ::close(fd);
}

// One cgroup per sandbox in each hierarchy: three of version 1, or the one of version 2.
class Cgroups {
 public:
  Cgroups() : version_2_(fs::exists("/sys/fs/cgroup/cgroup.controllers")) {
    const std::string name = fmt::format("floor-{}", ::getpid());
    if (version_2_) {
      parents_.push_back(fs::path("/sys/fs/cgroup") / name);
    } else {
      for (const char* const controller : {"memory", "cpu", "pids"})
        parents_.push_back(fs::path("/sys/fs/cgroup") / controller / name);
    }
    for (const fs::path& parent : parents_) fs::create_directory(parent);
    if (version_2_) write_file(parents_[0] / "cgroup.subtree_control", "+memory +cpu +pids");
  }
  ~Cgroups() {
    for (const fs::path& parent : parents_) ::rmdir(parent.c_str());
  }
  Cgroups(const Cgroups&) = delete;
  Cgroups& operator=(const Cgroups&) = delete;

  void make() const {
    for (const fs::path& parent : parents_) need(::mkdir((parent / "one").c_str(), 0755) == 0, "mkdir of a cgroup");
    if (version_2_) {
      write_file(parents_[0] / "one/memory.max", "268435456");
      write_file(parents_[0] / "one/cpu.max", "50000 100000");
      write_file(parents_[0] / "one/pids.max", "64");
    } else {
      write_file(parents_[0] / "one/memory.limit_in_bytes", "268435456");
      write_file(parents_[1] / "one/cpu.cfs_quota_us", "50000");
      write_file(parents_[2] / "one/pids.max", "64");
    }
  }
  // In the child: moves itself in.
  void enter() const {
    for (const fs::path& parent : parents_) write_file(parent / "one" / (version_2_ ? "cgroup.procs" : "tasks"), "0");
  }
  void remove() const {
    for (const fs::path& parent : parents_) {
      while (::rmdir((parent / "one").c_str()) != 0) need(errno == EBUSY, "rmdir of a cgroup");
    }
  }

 private:
  bool version_2_;
  std::vector<fs::path> parents_;
};

// The folder that becomes the root of every sandbox.
class Root {
 public:
  explicit Root(const char* inside) {
    std::string pattern = "/tmp/floor-sandbox-XXXXXX";
    need(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
    path_ = pattern;
    for (const char* const folder : {"bin", "usr", "lib", "etc", "opt", "var/task", "dev", "tmp", "proc"}) {
      fs::create_directories(path_ / folder);
    }
    fs::copy_file(inside, path_ / "bin/inside");
  }
  ~Root() { fs::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  // In the child: makes it the root, read-only, with private /tmp, /dev and /proc.
  void enter() const {
    constexpr unsigned long kReadOnly = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV;
    const auto at = [this](const char* name) { return (path_ / name).string(); };
    need(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    need(::mount(path_.c_str(), path_.c_str(), nullptr, MS_BIND, nullptr) == 0, "bind of the root");
    for (const char* const folder : {"usr", "lib", "etc", "opt", "var/task"}) {
      need(::mount("/usr/share", at(folder).c_str(), nullptr, MS_BIND, nullptr) == 0, "bind");
      need(::mount(nullptr, at(folder).c_str(), nullptr, kReadOnly, nullptr) == 0, "read-only bind");
    }
    need(::mount("tmpfs", at("tmp").c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=512m,nr_inodes=65536") == 0, "/tmp");
    need(::mount("tmpfs", at("dev").c_str(), "tmpfs", MS_NOSUID, "size=64k") == 0, "/dev");
    for (const char* const device : {"null", "zero", "full", "random", "urandom"}) {
      const std::string target = at("dev") + "/" + device;
      ::close(::open(target.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0666));
      need(::mount(("/dev/" + std::string(device)).c_str(), target.c_str(), nullptr, MS_BIND, nullptr) == 0, "device");
    }
    need(::mount("proc", at("proc").c_str(), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0, "/proc");
    need(::mount(nullptr, path_.c_str(), nullptr, kReadOnly & ~static_cast<unsigned long>(MS_NODEV), nullptr) == 0,
         "read-only root");
    need(::chdir(path_.c_str()) == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
    need(::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0, "leaving the old root");
  }

 private:
  fs::path path_;
};

// A filter of some sixty rules, compiled once.
std::vector<sock_filter> compile_filter() {
  scmp_filter_ctx context = ::seccomp_init(SCMP_ACT_ALLOW);
  ::seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (int number = 250; number < 310; ++number) ::seccomp_rule_add(context, SCMP_ACT_ERRNO(EPERM), number, 0);
  const int fd = ::memfd_create("filter", MFD_CLOEXEC);
  need(::seccomp_export_bpf(context, fd) == 0, "seccomp filter");
  std::vector<sock_filter> filter(static_cast<std::size_t>(::lseek(fd, 0, SEEK_END)) / sizeof(sock_filter));
  const std::size_t bytes = filter.size() * sizeof(sock_filter);
  need(::pread(fd, filter.data(), bytes, 0) == static_cast<ssize_t>(bytes), "seccomp filter");
  ::close(fd);
  ::seccomp_release(context);
  return filter;
}

void restrict_files() {
  constexpr std::uint64_t kAll = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
  constexpr std::uint64_t kReading =
      LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
  const landlock_ruleset_attr attributes{.handled_access_fs = kAll};
  const int ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0));
  need(ruleset >= 0, "Landlock");
  for (const auto& [path, access] : {std::pair{"/", kReading}, std::pair{"/tmp", kAll}}) {
    const landlock_path_beneath_attr rule{.allowed_access = access, .parent_fd = ::open(path, O_PATH | O_CLOEXEC)};
    need(::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0, "Landlock rule");
    ::close(rule.parent_fd);
  }
  need(::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0, "Landlock");
}

void set_loopback_up() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  need(::ioctl(fd, SIOCSIFFLAGS, &request) == 0, "loopback up");
  ::close(fd);
}

[[noreturn]] void become_inside(const Cgroups& cgroups, const Root& root, std::vector<sock_filter>& filter,
                                int output) {
  cgroups.enter();
  set_loopback_up();
  root.enter();
  need(::dup2(output, 3) == 3, "dup2");
  need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  restrict_files();
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()), .filter = filter.data()};
  need(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0, "seccomp");
  char* const arguments[] = {const_cast<char*>("inside"), nullptr};
  char* const no_environment[] = {nullptr};
  ::execve("/bin/inside", arguments, no_environment);
  floors::give_up("exec");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) floors::usage("floor_sandbox COUNT INSIDE");
  const Cgroups cgroups;
  const Root root(argv[2]);
  std::vector<sock_filter> filter = compile_filter();
  floors::Samples starts;
  floors::Samples ends;
  for (int i = std::atoi(argv[1]); i > 0; --i) {
    std::array<int, 2> pipe{};
    need(::pipe2(pipe.data(), O_CLOEXEC) == 0, "pipe");
    const std::uint64_t begin = floors::now_ns();
    cgroups.make();
    clone_args arguments{};
    arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    arguments.exit_signal = SIGCHLD;
    const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
    if (child == 0) become_inside(cgroups, root, filter, pipe[1]);
    need(child > 0, "clone3");
    ::close(pipe[1]);
    char byte = 0;
    const bool spoke = ::read(pipe[0], &byte, 1) == 1;
    starts.add(floors::now_ns() - begin);
    const std::uint64_t killed = floors::now_ns();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ends.add(floors::now_ns() - killed);
    ::close(pipe[0]);
    cgroups.remove();
    if (!spoke) return 1;  // what failed said so
  }
  starts.print("full sandbox, to its first byte");
  ends.print("kill and wait");
}
