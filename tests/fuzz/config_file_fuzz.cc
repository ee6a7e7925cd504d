// The configuration file and the values of settings. The first line, if it names a setting, is given the rest as its
// value; else everything is a file.
#include "config/file.h"
#include "config/settings.h"
#include "fuzz.h"

namespace {

using namespace hearth::config;

// What was accepted shows as a value that is accepted and shows the same.
void require_stable(const Setting& setting, const RawValue& value) {
  Config config;
  if (!setting.apply(config, value)) return;
  const std::string shown = setting.show(config);
  Config again;
  if (setting.shape == Shape::kText && shown.empty()) return;
  FUZZ_REQUIRE(setting.apply(again, RawValue(shown)));
  FUZZ_REQUIRE(setting.show(again) == shown);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hearth::fuzz::Input input(data, size);
  hearth::fuzz::Input whole(data, size);
  if (const Setting* setting = find_setting(input.line())) {
    require_stable(*setting, RawValue(input.rest()));
    return 0;
  }
  const std::string text = whole.rest();
  const auto values = parse_file(text, "hearth.toml");
  if (!values) {
    FUZZ_REQUIRE(!values.error().message().empty());
    return 0;
  }
  for (const FileValue& value : *values) {
    FUZZ_REQUIRE(value.setting != nullptr && value.setting->in_file);
    FUZZ_REQUIRE(value.line >= 1 && value.where == "hearth.toml:" + std::to_string(value.line));
    require_stable(*value.setting, value.value);
  }
  return 0;
}
