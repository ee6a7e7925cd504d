#pragma once
// Router: from a request line to a call of the Runtime API. All routes are in router.cc, on one screen.
// Tests: router_test.cc

#include <cstdint>
#include <string_view>

namespace hearth::runtime_api {

enum class Call : std::uint8_t { kNext, kResponse, kError, kInitError, kWrongMethod, kUnknown };

struct Route {
  Call call = Call::kUnknown;
  std::string_view request_id;  // part of the target; of kResponse and kError
};

Route route(std::string_view method, std::string_view target);

}  // namespace hearth::runtime_api
