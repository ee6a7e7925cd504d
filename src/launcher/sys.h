#pragma once
// System calls that Debian 12's C library does not wrap, and small file helpers, without meaning of their own.
//
// Like the C library they return -1 and set errno. All of them may be used between clone and exec.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace hearth::launcher::sys {

struct CloneArguments {
  std::uint64_t flags = 0;
  std::uint64_t pidfd = 0;
  std::uint64_t child_tid = 0;
  std::uint64_t parent_tid = 0;
  std::uint64_t exit_signal = 0;
  std::uint64_t stack = 0;
  std::uint64_t stack_size = 0;
  std::uint64_t tls = 0;
  std::uint64_t set_tid = 0;
  std::uint64_t set_tid_size = 0;
  std::uint64_t cgroup = 0;
};
constexpr std::uint64_t kCloneIntoCgroup = 0x200000000ULL;

struct MountAttributes {
  std::uint64_t set = 0;
  std::uint64_t clear = 0;
  std::uint64_t propagation = 0;
  std::uint64_t userns_fd = 0;
};
constexpr std::uint64_t kReadOnly = 0x1;
constexpr std::uint64_t kNoSuid = 0x2;
constexpr std::uint64_t kNoDev = 0x4;
constexpr std::uint64_t kNoExec = 0x8;
constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE
constexpr unsigned kMoveFromEmptyPath = 0x4;
constexpr unsigned kMoveToEmptyPath = 0x40;

inline long clone3(CloneArguments& arguments) { return ::syscall(SYS_clone3, &arguments, sizeof arguments); }
inline int pivot_root(const char* new_root, const char* put_old) {
  return static_cast<int>(::syscall(SYS_pivot_root, new_root, put_old));
}
inline int open_tree(int dir, const char* path, unsigned flags) {
  return static_cast<int>(::syscall(SYS_open_tree, dir, path, flags | O_CLOEXEC));
}
inline int move_mount(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return static_cast<int>(::syscall(SYS_move_mount, from_dir, from, to_dir, to, flags));
}
inline int mount_setattr(int dir, const char* path, unsigned flags, MountAttributes attributes) {
  return static_cast<int>(::syscall(SYS_mount_setattr, dir, path, flags, &attributes, sizeof attributes));
}
constexpr unsigned kConfigString = 1;  // FSCONFIG_SET_STRING
constexpr unsigned kConfigCreate = 6;  // FSCONFIG_CMD_CREATE
inline int fsopen(const char* type) { return static_cast<int>(::syscall(SYS_fsopen, type, 1 /* close on exec */)); }
inline int fsconfig(int context, unsigned command, const char* key, const char* value) {
  return static_cast<int>(::syscall(SYS_fsconfig, context, command, key, value, 0));
}
inline int fsmount(int context) { return static_cast<int>(::syscall(SYS_fsmount, context, 1 /* close on exec */, 0)); }
inline int openat2(int dir, const char* path, std::uint64_t flags, std::uint64_t resolve) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = resolve;
  return static_cast<int>(::syscall(SYS_openat2, dir, path, &how, sizeof how));
}
// EEXIST if `to` is taken.
inline int rename_new(int from_dir, const char* from, int to_dir, const char* to) {
  constexpr unsigned kNoReplace = 1;
  return static_cast<int>(::syscall(SYS_renameat2, from_dir, from, to_dir, to, kNoReplace));
}
inline int close_range(unsigned first, unsigned last) {
  return static_cast<int>(::syscall(SYS_close_range, first, last, 0));
}

// Writes `text` with one write(2). 0 or an errno.
inline int write_file_at(int dir, const char* path, std::string_view text) {
  const UniqueFd fd(::openat(dir, path, O_WRONLY | O_CLOEXEC));
  if (!fd) return errno;
  const ssize_t written = ::write(fd.get(), text.data(), text.size());
  if (written < 0) return errno;
  return static_cast<std::size_t>(written) == text.size() ? 0 : EIO;
}
inline int write_file(const char* path, std::string_view text) { return write_file_at(AT_FDCWD, path, text); }

// The whole of a small file, empty if it cannot be read.
inline std::string read_file_at(int dir, const char* path) {
  std::string text;
  const UniqueFd fd(::openat(dir, path, O_RDONLY | O_CLOEXEC));
  if (!fd) return text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
  }
}
inline std::string read_file(const char* path) { return read_file_at(AT_FDCWD, path); }

inline std::string error_text(std::string_view what, int error) {
  return std::string(what) + ": " + std::strerror(error);
}

}  // namespace hearth::launcher::sys
