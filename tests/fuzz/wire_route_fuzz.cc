// Any path and query finds an operation or none. The first line is the path, the rest the query.

#include <cstdint>
#include <string_view>

#include "wire/generated/lambda.h"
#include "wire/percent.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hearth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const auto query = line == std::string_view::npos
                         ? wire::Parameters{}
                         : wire::decode_form(text.substr(line + 1)).value_or(wire::Parameters{});
  for (const std::string_view method : {"GET", "POST", "PUT", "DELETE"}) {
    const wire::RouteMatch match = wire::lambda::model().find_operation(method, text.substr(0, line), query);
    if (match.operation != nullptr && match.operation->name.empty()) __builtin_trap();
  }
  return 0;
}
