// Any body gives a typed request or an error in AWS's words. The first byte picks the operation, which covers every
// protocol and kind of member; errors are encoded too, since they quote the input.

#include <array>
#include <cstdint>
#include <string>

#include "wire/generated/iam.h"
#include "wire/generated/lambda.h"
#include "wire/generated/logs.h"
#include "wire/generated/sts.h"
#include "wire/reply.h"

namespace {

using namespace hearth;

template <class Op>
void decode(wire::Call& call, const wire::ServiceModel& model) {
  if (const auto request = Op::decode(call); !request) (void)wire::encode_error(model, request.error(), "id");
}

using Decode = void (*)(wire::Call&, const wire::ServiceModel&);
struct Target {
  Decode decode;
  const wire::ServiceModel& (*model)();
};

constexpr std::array<Target, 8> kTargets = {{
    {decode<wire::lambda::CreateFunction>, wire::lambda::model},
    {decode<wire::lambda::UpdateFunctionConfiguration>, wire::lambda::model},
    {decode<wire::lambda::AddPermission>, wire::lambda::model},
    {decode<wire::iam::CreateRole>, wire::iam::model},
    {decode<wire::iam::CreatePolicy>, wire::iam::model},
    {decode<wire::sts::AssumeRole>, wire::sts::model},
    {decode<wire::logs::PutLogEvents>, wire::logs::model},
    {decode<wire::logs::FilterLogEvents>, wire::logs::model},
}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Target& target = kTargets[data[0] % kTargets.size()];
  wire::Call call;
  call.method = "POST";
  call.path = "/";
  call.labels = {{"FunctionName", "f"}};
  call.body.assign(data + 1, data + size);
  target.decode(call, target.model());
  return 0;
}
