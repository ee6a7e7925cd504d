// Packets between server and launcher, both ends: a packet has one reading and a message one spelling, and what the
// launcher accepts holds no path that could lead elsewhere.
#include "fuzz.h"
#include "launcher/protocol.h"
#include "launcher/request_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  const std::string packet = fuzz::Input(data, size).rest();
  const auto message = launcher::decode(packet);
  if (!message) return 0;
  const auto encoded = launcher::encode(*message);
  if (packet.size() > launcher::kMaxPacketBytes) return 0;
  FUZZ_REQUIRE(encoded && *encoded == packet);
  const auto* create = std::get_if<launcher::CreateMessage>(&*message);
  if (create == nullptr || !launcher::check_request(*create)) return 0;
  for (const launcher::Mount& mount : create->mounts) {
    FUZZ_REQUIRE(launcher::is_plain_absolute_path(mount.source));
    FUZZ_REQUIRE(launcher::is_plain_absolute_path(mount.destination));
    FUZZ_REQUIRE(mount.source.find("..") == std::string::npos || mount.source.find("/../") == std::string::npos);
    FUZZ_REQUIRE(mount.source.find('\0') == std::string::npos && mount.destination.find('\0') == std::string::npos);
  }
  for (const auto* list : {&create->argv, &create->env}) {
    for (const std::string& text : *list) FUZZ_REQUIRE(text.find('\0') == std::string::npos);
  }
  FUZZ_REQUIRE(!create->argv.empty() && create->memory_bytes > 0 && create->pids > 0);
  FUZZ_REQUIRE(create->name.find('/') == std::string::npos && create->name != ".." && create->name != ".");
  return 0;
}
