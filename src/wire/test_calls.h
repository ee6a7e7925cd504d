#pragma once
// Calls for tests, as the gateway would fill them.

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "wire/call.h"
#include "wire/percent.h"
#include "wire/service_model.h"

namespace hearth::wire {

// A call of a rest protocol: routes `target` ("/path?query") in `model` and fills labels and query.
inline Call rest_call(const ServiceModel& model, std::string_view method, std::string_view target, std::string body,
                      std::vector<Header> headers = {}) {
  Call call;
  call.method = method;
  const std::size_t mark = target.find('?');
  call.path = target.substr(0, mark);
  if (mark != std::string_view::npos) call.query = decode_form(target.substr(mark + 1)).value_or(Parameters{});
  call.labels = model.find_operation(method, call.path, call.query).labels;
  call.headers = std::move(headers);
  call.body = std::move(body);
  return call;
}

inline Call post(std::string body) {
  Call call;
  call.method = "POST";
  call.path = "/";
  call.body = std::move(body);
  return call;
}

}  // namespace hearth::wire
