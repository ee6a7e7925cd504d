#pragma once
// OperationTable: the one list of what a service supports. Each service's operations.cc makes one.
//
// A row ties a generated operation (wire/generated: its name, typed Request and Reply, decode and encode) to a handler
// and to the IAM action and resource it needs. The gateway looks an operation up by name and runs its row: decode,
// authorise, handle, encode. An operation the model knows and the table does not is answered 501, naming it.
//
// A generated operation is a struct like
//   struct CreateFunction {
//     static constexpr std::string_view kName = "CreateFunction";
//     using Request = CreateFunctionRequest;
//     using Reply = FunctionConfiguration;
//     static wire::Outcome<Request> decode(wire::Call& call);          // may take the body; AWS wording on failure
//     static wire::EncodedReply encode(Reply reply, std::string_view request_id);
//   };

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/loop.h"
#include "net/task.h"
#include "net/thread_pool.h"
#include "services/access.h"
#include "services/request_context.h"
#include "wire/aws_error.h"
#include "wire/call.h"

namespace hearth::services {

// Decides whether a caller may do something; the gateway's. Allows everything in open mode.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // An error is the AWS denial to answer with.
  virtual wire::Outcome<void> authorize(const RequestContext& context, const Access& access) = 0;
};

struct Operation {
  std::string_view name;
  std::string_view iam_action;
  // Lifetime: context, call and authorizer outlive the task. A payload is moved out of the call, never copied.
  std::function<net::Task<wire::Outcome<wire::EncodedReply>>(const RequestContext& context, wire::Call& call,
                                                             Authorizer& authorizer)>
      run;
};

class OperationTable {
 public:
  explicit OperationTable(std::vector<Operation> operations) : operations_(std::move(operations)) {}
  // nullptr if there is no handler.
  const Operation* find(std::string_view name) const {
    for (const Operation& operation : operations_) {
      if (operation.name == name) return &operation;
    }
    return nullptr;
  }
  const std::vector<Operation>& all() const { return operations_; }

 private:
  std::vector<Operation> operations_;
};

// Where what takes long is decoded and encoded: requests over kDecodeHere, with packages of up to 70 MB in base64, and
// replies of many rows.
struct Workers {
  net::Loop& loop;
  net::ThreadPool& pool;
};

namespace internal {

inline constexpr std::size_t kDecodeHere = 32 * 1024;  // up to about a millisecond on the loop, of the worst JSON

template <class Op>
net::Task<wire::Outcome<typename Op::Request>> decode_request(wire::Call& call, const Workers* workers) {
  if (workers == nullptr || call.body.size() <= kDecodeHere) co_return Op::decode(call);
  // The call moves into the work: at shutdown this coroutine may go while the pool still decodes.
  auto work = [large = std::move(call)]() mutable { return Op::decode(large); };
  co_return co_await workers->pool.run(workers->loop, std::move(work));
}

// Whether a reply has so many rows that writing it takes about a millisecond or more.
template <class Reply>
bool has_many_rows(const Reply& reply) {
  constexpr std::size_t kMany = 200;
  const auto many = [](const auto& rows) { return rows && rows->size() > kMany; };
  if constexpr (requires { reply.events->size(); }) return many(reply.events);
  if constexpr (requires { reply.roles->size(); }) return many(reply.roles);
  if constexpr (requires { reply.users->size(); }) return many(reply.users);
  if constexpr (requires { reply.policies->size(); }) return many(reply.policies);
  return false;
}

template <class Op>
net::Task<wire::Outcome<wire::EncodedReply>> encode_reply(typename Op::Reply reply, std::string request_id,
                                                          const Workers* workers) {
  if (workers == nullptr || !has_many_rows(reply)) co_return Op::encode(std::move(reply), request_id);
  auto work = [reply = std::move(reply), request_id]() mutable { return Op::encode(std::move(reply), request_id); };
  auto encoding = workers->pool.run(workers->loop, std::move(work));
  co_return co_await std::move(encoding);
}

// All that an operation needs, in order; the first denial counts.
inline wire::Outcome<void> authorize(const RequestContext& context, std::string_view action, Needs needs,
                                     Authorizer& authorizer) {
  if (needs.asked == Needs::Asked::kNobody) return {};
  const Access own{.action = action, .resource = std::move(needs.resource), .keys = std::move(needs.keys)};
  if (auto allowed = authorizer.authorize(context, own); !allowed) return allowed;
  for (const Access& access : needs.further) {
    if (auto allowed = authorizer.authorize(context, access); !allowed) return allowed;
  }
  return {};
}

template <class Op, class Handler, class Resource>
net::Task<wire::Outcome<wire::EncodedReply>> run_operation(const Handler& handler, const Resource& resource,
                                                           std::string_view action, const Workers* workers,
                                                           const RequestContext& context, wire::Call& call,
                                                           Authorizer& authorizer) {
  auto request = co_await decode_request<Op>(call, workers);
  if (!request) co_return std::unexpected(std::move(request).error());
  if (auto allowed = authorize(context, action, resource(context, *request), authorizer); !allowed) {
    co_return std::unexpected(std::move(allowed).error());
  }
  using Returned = std::invoke_result_t<const Handler&, const RequestContext&, typename Op::Request>;
  if constexpr (std::is_same_v<Returned, wire::Outcome<typename Op::Reply>>) {
    auto reply = handler(context, std::move(*request));
    if (!reply) co_return std::unexpected(std::move(reply).error());
    co_return Op::encode(std::move(*reply), context.request_id);
  } else {
    auto task = handler(context, std::move(*request));
    auto reply = co_await std::move(task);
    if (!reply) co_return std::unexpected(std::move(reply).error());
    auto encoding = encode_reply<Op>(std::move(*reply), context.request_id, workers);
    co_return co_await std::move(encoding);
  }
}

}  // namespace internal

// One row. `handler`: wire::Outcome<Reply>(const RequestContext&, Request), or the same as a Task (its context stays
// alive until it ends). `resource`: std::string or Needs(const RequestContext&, const Request&), the ARN authorisation
// names. `workers`: for operations whose requests or replies can be large; what it refers to outlives the table.
template <class Op, class Handler, class Resource>
Operation operation(std::string_view iam_action, Resource resource, Handler handler,
                    std::optional<Workers> workers = std::nullopt) {
  return Operation{Op::kName, iam_action,
                   [iam_action, workers, resource = std::move(resource), handler = std::move(handler)](
                       const RequestContext& context, wire::Call& call, Authorizer& authorizer) {
                     return internal::run_operation<Op>(handler, resource, iam_action, workers ? &*workers : nullptr,
                                                        context, call, authorizer);
                   }};
}

}  // namespace hearth::services

// AWS_TRY(auto x, service_.get(...)): in a handler, takes a Result's value or returns `to_aws_error(error)` of the
// service's errors.h. CO_AWS_TRY is the same inside a coroutine.
#define HEARTH_AWS_TRY_IMPL(ret, temp, declaration, ...)                 \
  auto temp = (__VA_ARGS__);                                             \
  if (!temp) ret std::unexpected(to_aws_error(std::move(temp).error())); \
  declaration = *std::move(temp)
#define AWS_TRY(declaration, ...) \
  HEARTH_AWS_TRY_IMPL(return, HEARTH_CONCAT(aws_try_, __COUNTER__), declaration, __VA_ARGS__)
#define CO_AWS_TRY(declaration, ...) \
  HEARTH_AWS_TRY_IMPL(co_return, HEARTH_CONCAT(aws_try_, __COUNTER__), declaration, __VA_ARGS__)
#define HEARTH_AWS_TRY_STATUS_IMPL(ret, temp, ...) \
  if (auto temp = (__VA_ARGS__); !temp) ret std::unexpected(to_aws_error(std::move(temp).error()))
#define AWS_TRY_STATUS(...) HEARTH_AWS_TRY_STATUS_IMPL(return, HEARTH_CONCAT(aws_try_, __COUNTER__), __VA_ARGS__)
#define CO_AWS_TRY_STATUS(...) HEARTH_AWS_TRY_STATUS_IMPL(co_return, HEARTH_CONCAT(aws_try_, __COUNTER__), __VA_ARGS__)
