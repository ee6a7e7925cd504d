#include "launcher/process_tree.h"

#include <dirent.h>

#include <charconv>
#include <memory>
#include <string>

#include "launcher/sys.h"

namespace hearth::launcher {
namespace {

// A bomb of processes is as clear at this many.
constexpr std::size_t kMaxProcesses = 20'000;

std::string_view next_word(std::string_view& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n");
  if (begin == std::string_view::npos) return text = {};
  text.remove_prefix(begin);
  const std::string_view word = text.substr(0, text.find_first_of(" \t\n"));
  text.remove_prefix(word.size());
  return word;
}

template <class Number>
Number parse(std::string_view word) {
  Number number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

// The number behind `name` at the beginning of a line.
template <class Number>
Number field(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    if (at != 0 && text[at - 1] != '\n') continue;
    std::string_view rest = text.substr(at + name.size());
    return parse<Number>(next_word(rest));
  }
  return 0;
}

std::string proc_file(pid_t pid, const char* name) {
  return sys::read_file(("/proc/" + std::to_string(pid) + "/" + name).c_str());
}

void add_children(pid_t pid, std::vector<pid_t>& found) {
  const std::string folder = "/proc/" + std::to_string(pid) + "/task";
  const std::unique_ptr<DIR, decltype([](DIR* open) { ::closedir(open); })> threads(::opendir(folder.c_str()));
  if (!threads) return;
  while (const dirent* entry = ::readdir(threads.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string listed = sys::read_file((folder + "/" + entry->d_name + "/children").c_str());
    std::string_view rest = listed;
    for (std::string_view word = next_word(rest); !word.empty(); word = next_word(rest)) {
      if (const auto child = parse<pid_t>(word); child > 0) found.push_back(child);
    }
  }
}

}  // namespace

std::vector<pid_t> descendants(pid_t root) {
  std::vector<pid_t> found;
  add_children(root, found);
  for (std::size_t i = 0; i < found.size() && found.size() < kMaxProcesses; ++i) add_children(found[i], found);
  return found;
}

std::uint64_t parse_private_memory(std::string_view status) {
  return (field<std::uint64_t>(status, "RssAnon:") + field<std::uint64_t>(status, "RssShmem:")) * 1024;
}

std::uint32_t parse_threads(std::string_view status) { return field<std::uint32_t>(status, "Threads:"); }

TreeUse measure_tree(pid_t root) {
  TreeUse use;
  for (const pid_t pid : descendants(root)) {
    const std::string status = proc_file(pid, "status");
    use.memory_bytes += parse_private_memory(status);
    use.tasks += parse_threads(status);
  }
  return use;
}

std::uint64_t measure_tree_exactly(pid_t root) {
  std::uint64_t bytes = 0;
  for (const pid_t pid : descendants(root)) {
    const std::string rollup = proc_file(pid, "smaps_rollup");
    const bool shown = rollup.find("Pss_Anon:") != std::string::npos;
    bytes += shown ? (field<std::uint64_t>(rollup, "Pss_Anon:") + field<std::uint64_t>(rollup, "Pss_Shmem:")) * 1024
                   : parse_private_memory(proc_file(pid, "status"));
  }
  return bytes;
}

}  // namespace hearth::launcher
