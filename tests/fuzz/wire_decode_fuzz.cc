// Any body, path, query and headers give a typed request or an error in AWS's words, for every operation there is. The
// first byte picks the operation, which covers every protocol and kind of member; then lines: the path and query, and
// what all header members hold; the rest is the body. Errors are encoded too, since they quote the input, and must read
// back as what the protocol promises.

#include <boost/json.hpp>
#include <pugixml.hpp>

#include "fuzz.h"
#include "wire/generated/iam.h"
#include "wire/generated/lambda.h"
#include "wire/generated/logs.h"
#include "wire/generated/sts.h"
#include "wire/percent.h"
#include "wire/reply.h"

namespace {

using namespace hearth;

using Decode = std::optional<wire::AwsError> (*)(wire::Call& call);
struct Target {
  Decode decode;
  const wire::ServiceModel& (*model)();
};

template <class Op>
std::optional<wire::AwsError> decode(wire::Call& call) {
  auto request = Op::decode(call);
  if (request) return std::nullopt;
  return request.error();
}

// Every row of every services/*/operations.cc.
#define HEARTH_OPERATION(service, name) {decode<wire::service::name>, wire::service::model},
constexpr Target kTargets[] = {
#include "fuzz_operations.inc"
};
#undef HEARTH_OPERATION

void require_readable(const wire::ServiceModel& model, const wire::AwsError& error) {
  FUZZ_REQUIRE(!error.code.empty() && error.status >= 400 && error.status < 600);
  const wire::EncodedReply reply = wire::encode_error(model, error, "id");
  for (const Header& header : reply.headers) {
    FUZZ_REQUIRE(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  if (model.protocol == wire::Protocol::kQuery) {
    pugi::xml_document document;
    FUZZ_REQUIRE(document.load_buffer(reply.body.data(), reply.body.size()));
  } else {
    boost::json::error_code failure;
    const boost::json::value value = boost::json::parse(reply.body, failure);
    FUZZ_REQUIRE(!failure && value.is_object());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0 || size > 65'536) return 0;
  fuzz::Input input(data, size);
  const Target& target = kTargets[input.byte() % std::size(kTargets)];
  const wire::ServiceModel& model = target.model();
  const std::string path = input.line();
  const std::string held = input.line();
  wire::Call call;
  const std::size_t mark = path.find('?');
  call.method = "POST";
  call.path = path.substr(0, mark);
  if (mark != std::string::npos) call.query = wire::decode_form(path.substr(mark + 1)).value_or(wire::Parameters{});
  call.labels = {{"FunctionName", call.path}, {"StatementId", call.path}, {"Resource", call.path}, {"ARN", call.path}};
  for (const char* name : {"X-Amz-Invocation-Type", "X-Amz-Log-Type", "X-Amz-Client-Context"})
    call.headers.push_back({name, held});
  call.body = input.rest();
  wire::Call same = call;
  const auto error = target.decode(call);
  const auto again = target.decode(same);
  FUZZ_REQUIRE(error.has_value() == again.has_value());
  if (!error) return 0;
  FUZZ_REQUIRE(error->code == again->code && error->message == again->message);
  require_readable(model, *error);
  return 0;
}
