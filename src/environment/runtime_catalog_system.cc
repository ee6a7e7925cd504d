#include "environment/runtime_catalog_system.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string_view>
#include <system_error>

#include "environment/runtime_process.h"

namespace hearth::environment {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kAskDeadline = 30s;  // an emulated processor, or a busy one, takes seconds
constexpr std::string_view kSdkFolder = "nodejs-sdk/node_modules";

// Prints the version, and compiles the runtime client given as further arguments: its folder is named by content, so
// the compiled files need never be checked against the sources.
constexpr const char* kAskPython = R"(
import sys
print("%d.%d.%d" % sys.version_info[:3])
import py_compile
for name in sys.argv[1:]:
    py_compile.compile(name, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
)";
constexpr const char* kAskNodejs = "console.log(process.versions.node, process.versions.modules)";

constexpr std::array<std::string_view, 14> kKnownNames = {
    "nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x", "provided",   "provided.al2", "provided.al2023",
    "python3.8",  "python3.9",  "python3.10", "python3.11", "python3.12", "python3.13",   "python3.14"};

struct Planned {
  std::string_view prefix;
  std::string_view language;
};
constexpr std::array<Planned, 4> kPlanned = {
    {{"java", "Java"}, {"ruby", "Ruby"}, {"dotnet", ".NET"}, {"go1.", "Go as a managed runtime; use provided.al2023"}}};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// "python3.12" -> 12, "nodejs22.x" -> 22.
std::optional<int> python_minor(std::string_view name) {
  if (!name.starts_with("python3.")) return std::nullopt;
  return number(name.substr(8));
}
std::optional<int> nodejs_major(std::string_view name) {
  if (!name.starts_with("nodejs") || !name.ends_with(".x")) return std::nullopt;
  return number(name.substr(6, name.size() - 8));
}

std::optional<RuntimeVersion> parse_version(const std::string& text) {
  RuntimeVersion version;
  if (std::sscanf(text.c_str(), "%d.%d.%d", &version.major, &version.minor, &version.patch) != 3) return std::nullopt;
  return version;
}

// What distinguishes a file from its former self; empty if it is not there.
std::string file_state(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) + "." +
         std::to_string(status.st_size);
}

std::string real_path(const std::string& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  return error ? std::string() : real.string();
}

std::string language(const Interpreter& interpreter) {
  return interpreter.family == RuntimeFamily::kPython ? "Python" : "Node.js";
}

std::string mapping_note(const std::string& runtime, const Interpreter& interpreter) {
  return runtime + " runs on " + language(interpreter) + " " + interpreter.version.text() + " (" +
         (interpreter.root.empty() ? interpreter.host_path : "added by hearth runtime add") + ")";
}

std::string inside_path(const Interpreter& interpreter) {
  if (interpreter.root.empty()) return interpreter.host_path;
  return "/var/lang" + interpreter.host_path.substr(interpreter.root.size());
}

std::unexpected<Error> not_installed(const std::string& runtime) {
  if (nodejs_major(runtime)) {
    return fail(RuntimeError::kNotInstalled, runtime + " needs Node.js " + std::to_string(*nodejs_major(runtime)) +
                                                 " or later, which is not on this machine; install it with: hearth "
                                                 "runtime add " +
                                                 runtime);
  }
  if (python_minor(runtime)) {
    return fail(RuntimeError::kNotInstalled,
                runtime + " needs Python 3, which is not on this machine; install it with: apt-get install python3");
  }
  for (const auto& planned : kPlanned) {
    if (runtime.starts_with(planned.prefix)) {
      return fail(RuntimeError::kNotInstalled, runtime + " functions cannot run: this version of Hearth does not run " +
                                                   std::string(planned.language));
    }
  }
  if (runtime.starts_with("nodejs") || runtime.starts_with("python2.")) {
    return fail(RuntimeError::kNotInstalled, runtime +
                                                 " functions cannot run: AWS ended this runtime, and Hearth runs "
                                                 "python3.8 and nodejs18.x or later");
  }
  return fail(RuntimeError::kUnknown, "there is no runtime named " + runtime);
}

// interpreters.tsv: path, state, version, modules ABI; a line that does not parse is as if it were not there.
using AskedBefore = std::map<std::string, Interpreter>;

AskedBefore read_cache(const std::string& path) {
  AskedBefore cache;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line) && !in.eof();) {  // a line without its end was torn
    std::istringstream fields(line);
    std::string key;
    std::string version;
    std::string abi;
    if (!std::getline(fields, key, '\t') || !std::getline(fields, version, '\t') || !std::getline(fields, abi))
      continue;
    const auto parsed = parse_version(version);
    const auto abi_number = number(abi);
    if (!parsed || !abi_number) continue;
    Interpreter interpreter;
    interpreter.version = *parsed;
    interpreter.modules_abi = static_cast<std::uint32_t>(*abi_number);
    cache[key] = interpreter;
  }
  return cache;
}

// Losing it costs a few milliseconds at the next start.
bool write_cache(const std::string& path, const AskedBefore& cache) {
  const std::string fresh = path + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    for (const auto& [key, interpreter] : cache) {
      out << key << '\t' << interpreter.version.text() << '\t' << interpreter.modules_abi << '\n';
    }
    if (!out.flush()) return false;
  }
  return ::rename(fresh.c_str(), path.c_str()) == 0;
}

}  // namespace

std::string RuntimeVersion::text() const {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::optional<Interpreter> pick_interpreter(const std::vector<Interpreter>& interpreters, RuntimeFamily family,
                                            RuntimeVersion wanted) {
  // What AWS names: 3.12 of Python, 22 of Node.js.
  const auto line = [&](const RuntimeVersion& version) {
    return family == RuntimeFamily::kPython ? version.major * 1000 + version.minor : version.major;
  };
  // Exact 0, newer 1 + distance, older far behind.
  const auto rank = [&](const Interpreter& interpreter) {
    const int distance = line(interpreter.version) - line(wanted);
    return distance >= 0 ? distance : 1'000'000 - distance;
  };
  const Interpreter* best = nullptr;
  for (const auto& interpreter : interpreters) {
    if (interpreter.family != family) continue;
    if (family == RuntimeFamily::kNodejs && line(interpreter.version) < line(wanted)) continue;
    if (family == RuntimeFamily::kPython && interpreter.version.major != wanted.major) continue;
    if (best == nullptr || rank(interpreter) < rank(*best) ||
        (rank(interpreter) == rank(*best) && !interpreter.root.empty() && best->root.empty())) {
      best = &interpreter;
    }
  }
  return best == nullptr ? std::nullopt : std::optional(*best);
}

SystemRuntimeCatalog::SystemRuntimeCatalog(const observe::Logger& log, RuntimeFiles files, CatalogFolders folders)
    : log_(log), files_(std::move(files)), folders_(std::move(folders)) {}

std::string SystemRuntimeCatalog::fingerprint() const {
  std::string all = file_state(folders_.runtimes);
  for (const auto& folder : folders_.system_bin) all += " " + file_state(folder);
  return all;
}

std::vector<SystemRuntimeCatalog::Candidate> SystemRuntimeCatalog::candidates() const {
  std::vector<Candidate> found;
  std::error_code error;
  for (fs::directory_iterator entry(folders_.runtimes, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    const std::string root = entry->path();
    if (nodejs_major(name) && ::access((root + "/bin/node").c_str(), X_OK) == 0) {
      found.push_back({RuntimeFamily::kNodejs, root + "/bin/node", root});
    } else if (python_minor(name) && ::access((root + "/bin/python3").c_str(), X_OK) == 0) {
      found.push_back({RuntimeFamily::kPython, root + "/bin/python3", root});
    }
  }
  // Several names lead to one program (python3 -> python3.11): each program once, by its real name.
  std::vector<std::string> seen;
  for (const auto& folder : folders_.system_bin) {
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      const std::string name = entry->path().filename();
      const bool is_node = name == "node" || name == "nodejs";
      if (!is_node && name != "python3" && !python_minor(name)) continue;
      const std::string real = real_path(entry->path());
      if (!real.starts_with(folders_.system_root) || std::ranges::find(seen, real) != seen.end()) continue;
      if (::access(real.c_str(), X_OK) != 0) continue;
      seen.push_back(real);
      found.push_back({is_node ? RuntimeFamily::kNodejs : RuntimeFamily::kPython, real, ""});
    }
  }
  return found;
}

Result<Interpreter> SystemRuntimeCatalog::ask(const Candidate& candidate) const {
  ProcessSpec spec{
      .argv = {candidate.path}, .env = {"PATH=/usr/bin:/bin"}, .search_path = "", .deadline = kAskDeadline};
  if (candidate.family == RuntimeFamily::kPython) {
    spec.argv.insert(spec.argv.end(), {"-I", "-S", "-c", kAskPython});
    std::error_code error;
    for (fs::directory_iterator entry(files_.python(), error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().extension() == ".py") spec.argv.push_back(entry->path());
    }
  } else {
    spec.argv.insert(spec.argv.end(), {"-e", kAskNodejs});
  }
  TRY(const std::string answer, run_process(spec));
  const auto version = parse_version(answer);
  const std::size_t space = answer.find(' ');
  if (!version) return fail(ProcessError::kFailed, candidate.path + " answered something else than its version");
  Interpreter interpreter{.family = candidate.family,
                          .version = *version,
                          .modules_abi = 0,
                          .host_path = candidate.path,
                          .root = candidate.root};
  if (candidate.family == RuntimeFamily::kNodejs && space != std::string::npos) {
    const std::string abi = answer.substr(space + 1, answer.find('\n') - space - 1);
    interpreter.modules_abi = static_cast<std::uint32_t>(number(abi).value_or(0));
  }
  return interpreter;
}

void SystemRuntimeCatalog::scan() const {
  // Taken before looking, so that a change made meanwhile is seen next time.
  const std::string now = fingerprint();
  if (scanned_ == now) return;
  const std::string cache_path = folders_.runtimes + "/interpreters.tsv";
  const AskedBefore before = read_cache(cache_path);
  AskedBefore after;
  interpreters_.clear();
  for (const auto& candidate : candidates()) {
    const std::string key = candidate.path + " " + file_state(candidate.path) + " " + files_.folder();
    if (const auto known = before.find(key); known != before.end()) {
      Interpreter interpreter = known->second;
      interpreter.family = candidate.family;
      interpreter.host_path = candidate.path;
      interpreter.root = candidate.root;
      after[key] = interpreter;
      interpreters_.push_back(std::move(interpreter));
      continue;
    }
    auto asked = ask(candidate);
    if (!asked) {
      log_.warn("interpreter left out", {{"path", candidate.path}, {"error", asked.error().message()}});
      continue;
    }
    after[key] = *asked;
    interpreters_.push_back(*std::move(asked));
  }
  const bool changed = after.size() != before.size() ||
                       std::ranges::any_of(after, [&](const auto& entry) { return !before.contains(entry.first); });
  if (changed && !write_cache(cache_path, after)) log_.warn("interpreters not remembered", {{"path", cache_path}});
  // Writing the cache changed the folder.
  scanned_ = changed ? fingerprint() : now;
}

std::vector<Interpreter> SystemRuntimeCatalog::interpreters() const {
  const std::lock_guard lock(mutex_);
  scan();
  return interpreters_;
}

net::Task<> SystemRuntimeCatalog::refresh(net::Loop& loop) const {
  if (pool_ == nullptr) co_return;
  {
    const std::unique_lock lock(mutex_, std::try_to_lock);  // not for as long as another look takes
    if (lock && scanned_ == fingerprint()) co_return;
  }
  auto work = [this] {
    const std::lock_guard lock(mutex_);
    scan();
    return true;
  };
  auto looking = pool_->run(loop, std::move(work));
  co_await std::move(looking);
}

RuntimeChoice SystemRuntimeCatalog::python_choice(const std::string& runtime, const Interpreter& interpreter) const {
  RuntimeChoice choice;
  choice.name = runtime;
  // Arguments are replaced by the real folders where nothing can be mounted: so it learns where layers are.
  choice.argv = {inside_path(interpreter), "-I", "-S", "-X", "utf8", "/var/runtime/bootstrap.py", "/opt"};
  choice.env = {"AWS_EXECUTION_ENV=AWS_Lambda_" + runtime};
  if (!interpreter.root.empty()) choice.mounts.push_back({interpreter.root, "/var/lang"});
  choice.mounts.push_back({files_.python(), "/var/runtime"});
  choice.abi.python_tag = std::to_string(interpreter.version.major) + std::to_string(interpreter.version.minor);
  return choice;
}

RuntimeChoice SystemRuntimeCatalog::nodejs_choice(const std::string& runtime, int major,
                                                  const Interpreter& interpreter) const {
  RuntimeChoice choice;
  choice.name = runtime;
  // --use-openssl-ca: the trust bundle of the sandbox counts, at no cost; NODE_EXTRA_CA_CERTS would cost 20-50 ms.
  choice.argv = {inside_path(interpreter), "--max-http-header-size=81920", "--use-openssl-ca",
                 "/var/runtime/bootstrap.cjs"};
  choice.env = {"AWS_EXECUTION_ENV=AWS_Lambda_" + runtime,
                "NODE_PATH=/opt/nodejs/node" + std::to_string(major) +
                    "/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task"};
  if (!interpreter.root.empty()) choice.mounts.push_back({interpreter.root, "/var/lang"});
  choice.mounts.push_back({files_.nodejs(), "/var/runtime"});
  const std::string sdk = folders_.runtimes + "/" + std::string(kSdkFolder);
  if (std::error_code error; fs::is_directory(sdk, error)) choice.mounts.push_back({sdk, "/var/runtime/node_modules"});
  choice.abi.node_modules_abi = interpreter.modules_abi;
  return choice;
}

Result<RuntimeChoice> SystemRuntimeCatalog::choose(const std::string& runtime) const {
  if (runtime == "provided" || runtime == "provided.al2" || runtime == "provided.al2023") {
    RuntimeChoice choice;
    choice.name = runtime;
    choice.argv = {"/var/task/bootstrap"};
    choice.abi.runtime = runtime;
    return choice;
  }
  const std::lock_guard lock(mutex_);
  std::optional<Interpreter> interpreter;
  bool exact = false;
  RuntimeChoice choice;
  if (const auto minor = python_minor(runtime)) {
    scan();
    interpreter = pick_interpreter(interpreters_, RuntimeFamily::kPython, {.major = 3, .minor = *minor});
    if (!interpreter) return not_installed(runtime);
    choice = python_choice(runtime, *interpreter);
    exact = interpreter->version.minor == *minor;
  } else if (const auto major = nodejs_major(runtime)) {
    scan();
    interpreter = pick_interpreter(interpreters_, RuntimeFamily::kNodejs, {.major = *major});
    if (!interpreter) return not_installed(runtime);
    choice = nodejs_choice(runtime, *major, *interpreter);
    exact = interpreter->version.major == *major;
  } else {
    return not_installed(runtime);
  }
  choice.abi.runtime = runtime;
  choice.abi.interpreter =
      language(*interpreter) + " " + interpreter->version.text() + " at " + inside_path(*interpreter);
  choice.interpreter_version = interpreter->version.text();
  if (!exact) choice.note = mapping_note(runtime, *interpreter);
  return choice;
}

std::vector<RuntimeStatus> SystemRuntimeCatalog::status() const {
  std::vector<RuntimeStatus> result;
  for (const auto name : kKnownNames) {
    const std::string runtime(name);
    const auto choice = choose(runtime);
    if (!choice) {
      result.push_back({runtime, false, choice.error().message()});
      continue;
    }
    std::string note = choice->note;
    if (note.empty()) note = choice->abi.interpreter.empty() ? "a program of your own" : choice->abi.interpreter;
    result.push_back({runtime, true, note});
  }
  return result;
}

}  // namespace hearth::environment
