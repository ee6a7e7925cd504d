// Text the launcher and the sandbox read from the kernel: mount tables, which hold names a user chose, and counters.
#include "fuzz.h"
#include "launcher/base_root.h"
#include "launcher/cgroups.h"
#include "launcher/delegation.h"
#include "launcher/process_tree.h"
#include "sandbox/memory_meter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  const std::string text = fuzz::Input(data, size).rest();
  (void)launcher::parse_mounts(text);
  for (const auto& mount : launcher::parse_cgroup_mounts(text)) {
    FUZZ_REQUIRE(mount.mount_point.size() <= text.size());
    FUZZ_REQUIRE(mount.version == launcher::CgroupVersion::kV1 || mount.controllers.empty());
  }
  (void)launcher::parse_oom_kills(text);
  (void)launcher::parse_private_memory(text);
  (void)launcher::parse_threads(text);
  FUZZ_REQUIRE(launcher::parse_own_cgroup(text).size() <= text.size());
  (void)sandbox::parse_memory_stat(text);
  return 0;
}
