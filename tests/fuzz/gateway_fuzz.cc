// The whole chain behind the public door: any request, to IAM and STS as they are (other services answer 501). Every
// answer is well-formed, the server never finds a bug of its own, and with keys in force nobody is served who has none.
// First byte: even open, odd enforced; then lines: method, target, "name:value" headers up to an empty one; the body.
#include <boost/json.hpp>
#include <pugixml.hpp>

#include "fuzz.h"
#include "gateway/gateway.h"
#include "net/loop.h"
#include "net/thread_pool.h"
#include "services/iam/caller_policies.h"
#include "services/iam/operations.h"
#include "services/iam/service.h"
#include "services/sts/operations.h"
#include "services/sts/service.h"
#include "storage/memory_store.h"

namespace {

using namespace hearth;

class NoHealth final : public gateway::HealthSource {
 public:
  gateway::HealthReport health() const override { return {}; }
  net::Task<> describe(observe::MetricsText&) override { co_return; }
};
class NoReset final : public gateway::Resetter {
 public:
  net::Task<Status> reset() override { co_return Status{}; }
};

class OneServer {
 public:
  explicit OneServer(gateway::AuthMode mode) : mode_(mode) {
    FUZZ_REQUIRE(iam_.load().has_value() && sts_.load().has_value());
  }

  net::HttpReply ask(net::HttpRequest request) {
    std::optional<net::HttpReply> reply;
    loop_.spawn(keep(std::move(request), reply));
    loop_.run();
    FUZZ_REQUIRE(reply.has_value());
    return *std::move(reply);
  }

 private:
  net::Task<> keep(net::HttpRequest request, std::optional<net::HttpReply>& reply) {
    auto handling = gateway_.handle(std::move(request));
    reply = co_await std::move(handling);
  }

  gateway::AuthMode mode_;
  FakeClock clock_;
  observe::Logger log_{-1, observe::Level::kError, observe::LogFormat::kText};
  net::Loop loop_{clock_};
  net::ThreadPool pool_{1};
  storage::MemoryStore store_;
  storage::MemoryBlobStore blobs_;
  services::iam::Service iam_{store_, clock_};
  services::sts::Service sts_{store_, iam_, clock_};
  NoHealth health_;
  NoReset reset_;
  gateway::CodeDownload downloads_ = gateway::CodeDownload::open(store_, blobs_, clock_).value();
  gateway::Guard guard_{mode_, {}};
  gateway::PlatformPages pages_{mode_, "0", health_, reset_, downloads_, clock_};
  gateway::ServiceTable services_ =
      gateway::make_service_table({.lambda = services::OperationTable({}),
                                   .iam = services::iam::make_operations(iam_, {.loop = loop_, .pool = pool_}),
                                   .sts = services::sts::make_operations(sts_),
                                   .logs = services::OperationTable({})});
  gateway::Authenticator authenticator_{mode_, {&iam_, &sts_}, loop_, pool_, clock_};
  gateway::OpenAccess everything_;
  services::iam::PolicyDirectory directory_{iam_};
  gateway::EvaluatedAccess evaluated_{directory_, {&directory_}};
  const gateway::AccessPolicy& policy_ =
      mode_ == gateway::AuthMode::kOpen ? static_cast<const gateway::AccessPolicy&>(everything_) : evaluated_;
  gateway::Gateway gateway_{
      gateway::GatewaySettings{}, guard_, pages_, services_, authenticator_, policy_, store_, clock_, log_};
};

void require_well_formed(const net::HttpReply& reply) {
  FUZZ_REQUIRE(reply.status >= 200 && reply.status < 600);
  FUZZ_REQUIRE(reply.status != 500);  // a check that failed
  FUZZ_REQUIRE(find_header(reply.headers, "x-amzn-RequestId") != nullptr);
  for (const Header& header : reply.headers) {
    FUZZ_REQUIRE(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  const std::string* type = find_header(reply.headers, "Content-Type");
  if (type == nullptr || reply.body.empty()) return;
  if (type->find("xml") != std::string::npos) {
    pugi::xml_document document;
    FUZZ_REQUIRE(document.load_buffer(reply.body.data(), reply.body.size()));
  } else if (type->find("json") != std::string::npos) {
    boost::json::error_code error;
    (void)boost::json::parse(reply.body, error);
    FUZZ_REQUIRE(!error);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 65'536) return 0;
  fuzz::Input input(data, size);
  const bool open = (input.byte() & 1U) == 0;
  net::HttpRequest request;
  request.peer = "127.0.0.1:50000";
  request.head.method = input.line();
  request.head.target = "/" + input.line();
  for (std::string line = input.line(); !line.empty() && request.head.headers.size() < 64; line = input.line()) {
    const std::size_t colon = std::min(line.find(':'), line.size());
    request.head.headers.push_back({line.substr(0, colon), line.substr(std::min(colon + 1, line.size()))});
  }
  request.body = input.rest();

  static OneServer free_for_all(gateway::AuthMode::kOpen);
  static OneServer locked(gateway::AuthMode::kEnforced);
  const bool own_page = request.head.target.starts_with("/_hearth");
  const net::HttpReply reply = open ? free_for_all.ask(std::move(request)) : locked.ask(std::move(request));
  require_well_formed(reply);
  if (!open && !own_page) {
    // The page that says who answers is all that strangers get.
    const bool greeting = reply.body.starts_with("Hearth answers here for ");
    FUZZ_REQUIRE(reply.status >= 300 || greeting);
  }
  return 0;
}
