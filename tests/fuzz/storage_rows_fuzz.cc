// Rows as they are read back from disk, by every service at its start: damaged ones are reported, never obeyed, and no
// bytes end the program. First byte: which space; then a line of key parts, divided by '/'; the rest is the value.
#include <array>

#include "functions/layer_store.h"
#include "functions/store.h"
#include "fuzz.h"
#include "services/iam/store.h"
#include "services/lambda/store.h"
#include "services/logs/store.h"
#include "services/sts/store.h"
#include "storage/key.h"
#include "storage/memory_store.h"

namespace {

using namespace hearth;

constexpr std::array<std::string_view, 20> kSpaces = {
    "lambda.version",    "lambda.running",   "lambda.tags",  "lambda.policy",      "lambda.event",
    "iam.role",          "iam.user",         "iam.policy",   "iam.root",           "logs.group",
    "logs.stream",       "logs.event",       "sts.key",      "code.key",           "lambda.layer",
    "lambda.layer_last", "lambda.published", "lambda.alias", "lambda.event_rules", "lambda.concurrency"};
constexpr std::string_view kAccount = "123456789012";
constexpr std::string_view kRegion = "eu-west-1";

std::string key_of(std::string_view space, std::string_view parts) {
  std::string key = storage::key_prefix(space, space == "sts.key" ? "all" : kAccount,
                                        space == "sts.key" || space.starts_with("iam") ? "global" : kRegion);
  while (!parts.empty()) {
    const std::size_t slash = parts.find('/');
    std::string prefix = storage::key_prefix("", "", "", {parts.substr(0, slash)});
    key += prefix.substr(storage::key_prefix("", "", "").size());
    parts = slash == std::string_view::npos ? std::string_view() : parts.substr(slash + 1);
  }
  key.resize(key.size() - 2);
  return key;
}

const storage::KeyRing kKeys = storage::KeyRing::of(std::string(64, 'k'));

void load_everything(storage::MemoryStore& store) {
  functions::FunctionStore functions(store, kKeys);
  (void)functions.load();
  (void)functions::LayerStore(store).load();
  services::lambda::EventStore events(store);
  if (const auto stored = events.load()) {
    for (const auto& event : *stored) FUZZ_REQUIRE(events.get(event.request.function, event.number).has_value());
  }
  (void)services::iam::IamStore(store).load();
  services::logs::LogStore logs(store);
  const services::logs::Scope scope{std::string(kAccount), std::string(kRegion)};
  (void)logs.all_groups();
  (void)logs.groups(scope, "", "", 10);
  (void)logs.find_group(scope, "g");
  (void)logs.streams(scope, "g", "", "", 10);
  (void)logs.find_stream(scope, "g", "s");
  (void)logs.events_after(scope, "g", "s", {}, 10);
  (void)logs.events_before(scope, "g", "s", {}, 10);
  if (const auto key = services::sts::load_sealing_key(store)) FUZZ_REQUIRE(key->size() == 32);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::string_view space = kSpaces[input.byte() % kSpaces.size()];
  const std::string parts = input.line();
  const std::string value = input.rest();
  const std::string key = key_of(space, parts);

  // A key goes together and apart.
  const storage::KeyOwner owner = storage::key_owner(key);
  FUZZ_REQUIRE(owner.account == kAccount || owner.account == "all");

  storage::MemoryStore store;
  storage::Batch batch;
  batch.put(key, value);
  FUZZ_REQUIRE(store.commit(std::move(batch)).has_value());
  load_everything(store);
  // A key of any bytes, too.
  storage::MemoryStore strange;
  storage::Batch strange_batch;
  strange_batch.put(storage::space_prefix(space) + parts, value);
  FUZZ_REQUIRE(strange.commit(std::move(strange_batch)).has_value());
  load_everything(strange);

  const functions::FunctionKey function{std::string(kAccount), std::string(kRegion), "f"};
  if (const auto version = functions::decode_version(function, value, kKeys)) {
    const std::string written = functions::encode_version(*version, kKeys);
    const auto again = functions::decode_version(function, written, kKeys);
    FUZZ_REQUIRE(again.has_value());
    FUZZ_REQUIRE(functions::encode_version(*again, kKeys) == written);
  }
  const functions::LayerKey layer{std::string(kAccount), std::string(kRegion), "l"};
  if (const auto version = functions::decode_layer(layer, value)) {
    const std::string written = functions::encode_layer(*version);
    const auto again = functions::decode_layer(layer, written);
    FUZZ_REQUIRE(again && functions::encode_layer(*again) == written);
  }
  return 0;
}
