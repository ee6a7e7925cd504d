#include "gateway/gateway.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <map>

#include "base/check.h"
#include "base/unique_fd.h"
#include "gateway/signature_errors.h"
#include "gateway/test_support.h"
#include "storage/memory_store.h"
#include "wire/reply.h"
#include "wire/sigv4_text.h"

namespace hearth::gateway {
namespace {

// A rest-json and a query service, small enough to read.
constexpr wire::OperationInfo kRestOperations[] = {
    {"Break", "POST", "/v1/break", 200, wire::Handled::kYes},
    {"Fail", "POST", "/v1/fail", 200, wire::Handled::kYes},
    {"GetThing", "GET", "/v1/things/{Name}", 200, wire::Handled::kYes},
    {"Invoke", "POST", "/v1/things/{Name}/invocations", 200, wire::Handled::kYes},
    {"ListOthers", "GET", "/v1/others", 200, wire::Handled::kNo},
};
constexpr wire::OperationInfo kQueryOperations[] = {
    {"GetCallerIdentity", "POST", "/", 200, wire::Handled::kYes},
};

wire::ServiceModel rest_model() {
  wire::ServiceModel model;
  model.name = model.signing_name = model.endpoint_prefix = "lambda";
  model.service_id = "Lambda";
  model.protocol = wire::Protocol::kRestJson;
  model.operations = kRestOperations;
  return model;
}

wire::ServiceModel query_model() {
  wire::ServiceModel model;
  model.name = model.signing_name = model.endpoint_prefix = "sts";
  model.service_id = "STS";
  model.api_version = "2011-06-15";
  model.xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/";
  model.protocol = wire::Protocol::kQuery;
  model.operations = kQueryOperations;
  return model;
}

using Handler = wire::Outcome<wire::EncodedReply> (*)(const services::RequestContext&, const wire::Call&);

net::Task<wire::Outcome<wire::EncodedReply>> run_row(Handler handler, const services::RequestContext& context,
                                                     const wire::Call& call, services::Authorizer& authorizer) {
  const std::string resource = "arn:aws:lambda:" + context.region + ":999988887777:function:f";
  if (call.header("x-test-foreign") == "yes") {
    if (auto allowed = authorizer.authorize(context, {.action = "lambda:GetThing", .resource = resource}); !allowed) {
      co_return std::unexpected(allowed.error());
    }
  }
  co_return handler(context, call);
}

services::Operation row(std::string_view name, Handler handler) {
  return {name, "lambda:GetThing",
          [handler](const services::RequestContext& context, const wire::Call& call, services::Authorizer& authorizer) {
            return run_row(handler, context, call, authorizer);
          }};
}

wire::Outcome<wire::EncodedReply> describe(const services::RequestContext& context, const wire::Call& call) {
  std::string text = context.caller.arn + " " + context.account + " " + context.region + " " + context.endpoint;
  for (const auto& [name, value] : call.labels) text += " " + name + "=" + value;
  for (const auto& [name, value] : call.query) text += " " + name + "=" + value;
  context.warn("said\r\naloud");
  return wire::make_reply(wire::Protocol::kRestJson, 200, text + " " + call.body);
}
wire::Outcome<wire::EncodedReply> fail_politely(const services::RequestContext&, const wire::Call&) {
  return std::unexpected(wire::AwsError{.code = "ResourceNotFoundException", .message = "no", .status = 404});
}
wire::Outcome<wire::EncodedReply> break_a_check(const services::RequestContext&, const wire::Call&) {
  HEARTH_CHECK(1 + 1 == 3, "arithmetic");
  return wire::EncodedReply{};
}

// Callers without policies of their own.
class NoPolicies final : public services::CallerPolicySource {
 public:
  std::shared_ptr<const services::CallerPolicies> policies_of(const services::Caller&) const override {
    return std::make_shared<services::CallerPolicies>();
  }
  policy::Documents limits_of(const services::Caller&) const override { return {}; }
};

class FakeKeys final : public services::CredentialSource {
 public:
  std::optional<services::Credential> find_credential(std::string_view key, std::string_view) const override {
    if (key != "AKIAUSER") return std::nullopt;
    return services::Credential{.secret_access_key = "secret",
                                .session_token = {},
                                .expires = {},
                                .account = "111122223333",
                                .arn = "arn:aws:iam::111122223333:user/u",
                                .user_id = "AIDAU"};
  }
};

class FakeHealth final : public HealthSource {
 public:
  HealthReport health() const override { return report; }
  net::Task<> describe(observe::MetricsText& metrics) override {
    metrics.counter("hearth_x_total", "X.", 7);
    co_return;
  }
  HealthReport report{.isolation_tier = "namespace",
                      .isolation_parts = {"cgroup v2", "seccomp"},
                      .runtimes = {{"python3.12", true, "python3.12 runs on Python 3.11.2"}},
                      .warnings = {"a warning"},
                      .storage_trouble = {},
                      .functions = 3,
                      .environments = 1};
};

class FakeResetter final : public Resetter {
 public:
  net::Task<Status> reset() override {
    ++count;
    co_return Status{};
  }
  int count = 0;
};

// A store whose newest write reaches the disk, or fails to, only when it is waited for.
class SlowStore final : public storage::Store {
 public:
  Result<std::optional<std::string>> get(std::string_view key) override { return inner.get(key); }
  Result<std::vector<storage::Entry>> scan(std::string_view p, std::string_view a, std::size_t n) override {
    return inner.scan(p, a, n);
  }
  Result<std::vector<storage::Entry>> scan_back(std::string_view p, std::string_view b, std::size_t n) override {
    return inner.scan_back(p, b, n);
  }
  Result<storage::Ticket> commit(storage::Batch batch, storage::Urgency urgency) override {
    return inner.commit(std::move(batch), urgency);
  }
  storage::Ticket last_ticket() const override { return 7; }
  net::Task<Status> durable(storage::Ticket ticket) override {
    waited_for = ticket;
    if (broken) co_return fail(storage::ErrorKind::kUnavailable, "disk full");
    co_return Status{};
  }
  bool is_durable(storage::Ticket) const override { return durable_already; }
  Status erase_prefix(std::string_view prefix) override { return inner.erase_prefix(prefix); }
  std::optional<std::string> trouble() const override { return std::nullopt; }

  storage::MemoryStore inner;
  bool durable_already = true;
  bool broken = false;
  storage::Ticket waited_for = 0;
};

class GatewayTest : public testing::Test {
 protected:
  GatewayTest() {
    std::vector<services::Operation> rest{row("GetThing", describe), row("Fail", fail_politely),
                                          row("Break", break_a_check), row("Invoke", describe)};
    std::vector<ServiceEntry> entries;
    entries.push_back(
        {&rest_model_, services::OperationTable(std::move(rest)), std::chrono::minutes(5), ByteCount{70'167'211}});
    entries.push_back({&query_model_, services::OperationTable({row("GetCallerIdentity", describe)}),
                       std::chrono::minutes(15), ByteCount::mib(1)});
    table_ = std::make_unique<ServiceTable>(std::move(entries));
    downloads_ = std::make_unique<CodeDownload>(*CodeDownload::open(store_, blobs_, clock_));
    build(AuthMode::kOpen);
  }

  void build(AuthMode mode) {
    guard_ = std::make_unique<Guard>(mode, std::vector<std::string>{});
    pages_ = std::make_unique<PlatformPages>(mode, "0.1.0", health_, resetter_, *downloads_, clock_);
    authenticator_ = std::make_unique<Authenticator>(mode, std::vector<const services::CredentialSource*>{&keys_},
                                                     loop_, pool_, clock_);
    const AccessPolicy& policy = mode == AuthMode::kOpen ? static_cast<const AccessPolicy&>(open_) : evaluated_;
    gateway_ = std::make_unique<Gateway>(GatewaySettings{.default_region = "eu-central-1"}, *guard_, *pages_, *table_,
                                         *authenticator_, policy, store_, clock_, log_);
  }

  net::HttpReply send(net::HttpRequest sent, Door door = {}) {
    net::Loop loop(clock_);
    return run_on(loop, gateway_->serve(std::move(sent), door));
  }

  net::HttpRequest signed_request(std::string method, std::string target, std::string service = "lambda",
                                  std::string key = "AKIAUSER", std::string secret = "secret") {
    net::HttpRequest sent = request(std::move(method), std::move(target));
    wire::SigV4 signer;
    const Target parts = split_target(sent.head.target);
    const auto added = signer.sign({sent.head.method, parts.path, parts.query, sent.head.headers}, {key, secret},
                                   {"us-west-2", service}, clock_.now(), signer.sha256_hex(""));
    sent.head.headers.insert(sent.head.headers.end(), added.begin(), added.end());
    return sent;
  }

  SystemClock clock_;
  net::Loop loop_{clock_};
  net::ThreadPool pool_{1};
  SlowStore store_;
  storage::MemoryBlobStore blobs_;
  const wire::ServiceModel rest_model_ = rest_model();
  const wire::ServiceModel query_model_ = query_model();
  FakeKeys keys_;
  FakeHealth health_;
  FakeResetter resetter_;
  OpenAccess open_;
  NoPolicies no_policies_;
  EvaluatedAccess evaluated_{no_policies_, {}};
  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  observe::Logger log_{nowhere_.get(), observe::Level::kError, observe::LogFormat::kText};
  std::unique_ptr<ServiceTable> table_;
  std::unique_ptr<CodeDownload> downloads_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<PlatformPages> pages_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<Gateway> gateway_;
};

std::string header(const net::HttpReply& reply, std::string_view name) {
  const std::string* value = find_header(reply.headers, name);
  return value ? *value : "";
}

TEST_F(GatewayTest, ASignedRequestReachesItsHandlerWithEverythingItMayKnow) {
  const net::HttpReply reply = send(signed_request("GET", "/v1/things/a%2Fb?x=1"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "arn:aws:iam::111122223333:user/u 111122223333 us-west-2 http://127.0.0.1:4566 Name=a/b x=1 ");
  EXPECT_EQ(header(reply, "x-amzn-RequestId").size(), 36U);
  EXPECT_EQ(header(reply, "Hearth-Warning"), "said??aloud");
}

TEST_F(GatewayTest, AnUnsignedRequestIsServedInOpenModeOnly) {
  EXPECT_EQ(send(request("GET", "/v1/things/a")).body,
            "arn:aws:iam::000000000000:root 000000000000 eu-central-1 http://127.0.0.1:4566 Name=a ");
  build(AuthMode::kEnforced);
  const net::HttpReply refused = send(request("GET", "/v1/things/a"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(header(refused, "x-amzn-ErrorType"), "MissingAuthenticationTokenException");
  EXPECT_NE(refused.body.find("Missing Authentication Token"), std::string::npos);
}

TEST_F(GatewayTest, TheQueryProtocolIsFoundByItsVersionAndAnsweredInXml) {
  const std::vector<Header> form{{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}};
  EXPECT_EQ(send(request("POST", "/", form, "Action=GetCallerIdentity&Version=2011-06-15")).status, 200);
  EXPECT_EQ(send(request("GET", "/?Action=GetCallerIdentity&Version=2011-06-15")).status, 200);
  const net::HttpReply unknown = send(request("POST", "/", form, "Action=Nope&Version=2011-06-15"));
  EXPECT_EQ(unknown.status, 400);
  EXPECT_NE(unknown.body.find("<Code>InvalidAction</Code>"), std::string::npos);
  EXPECT_NE(unknown.body.find("Could not find operation Nope for version 2011-06-15"), std::string::npos);
  EXPECT_NE(unknown.body.find(header(unknown, "x-amzn-RequestId")), std::string::npos);
}

TEST_F(GatewayTest, AnOperationWithoutHandlerNamesItself) {
  const net::HttpReply reply = send(request("GET", "/v1/others", {{"Host", "lambda.us-east-1.localhost"}}));
  EXPECT_EQ(reply.status, 501);
  EXPECT_NE(reply.body.find("ListOthers"), std::string::npos);
  EXPECT_NE(reply.body.find("Lambda"), std::string::npos);
}

TEST_F(GatewayTest, AServiceThatIsNotOfferedNamesItself) {
  const net::HttpReply reply = send(signed_request("GET", "/bucket", "s3"));
  EXPECT_EQ(reply.status, 501);
  EXPECT_NE(reply.body.find("<Message>Hearth does not speak the AWS service 's3' yet</Message>"), std::string::npos);
  const net::HttpReply other = send(signed_request("POST", "/", "dynamodb"));
  EXPECT_EQ(header(other, "x-amzn-ErrorType"), "NotImplementedException");
}

TEST_F(GatewayTest, ARequestForNothingKnownIsNotFound) {
  const net::HttpReply reply = send(request("GET", "/nothing"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(header(reply, "x-amzn-ErrorType"), "UnknownOperationException");
}

TEST_F(GatewayTest, AWrongSignatureOfAKnownKeyIsRefused) {
  const net::HttpReply reply = send(signed_request("GET", "/v1/things/a", "lambda", "AKIAUSER", "wrong"));
  EXPECT_EQ(reply.status, 403);
  EXPECT_EQ(header(reply, "x-amzn-ErrorType"), "InvalidSignatureException");
}

TEST_F(GatewayTest, ARegionThatIsNoneIsRefused) {
  net::HttpRequest sent = request("GET", "/v1/things/a");
  sent.head.headers.push_back({"X-Amz-Date", wire::format_amz_time(clock_.now())});
  sent.head.headers.push_back(
      {"Authorization",
       "AWS4-HMAC-SHA256 Credential=test/20260101/US EAST/lambda/aws4_request, SignedHeaders=host, Signature=0"});
  const net::HttpReply reply = send(sent);
  EXPECT_EQ(reply.status, 403);
  EXPECT_NE(reply.body.find("Credential should be scoped to a valid region, not 'US EAST'."), std::string::npos);
}

TEST_F(GatewayTest, EnforcedModeKeepsKeysInTheirAccount) {
  build(AuthMode::kEnforced);
  net::HttpRequest sent = signed_request("GET", "/v1/things/a");
  EXPECT_EQ(send(sent).status, 200);
  sent.head.headers.push_back({"x-test-foreign", "yes"});
  EXPECT_EQ(header(send(sent), "x-amzn-ErrorType"), "AccessDeniedException");
}

TEST_F(GatewayTest, NoReplyLeavesBeforeTheWritesAreOnDisk) {
  store_.durable_already = false;
  EXPECT_EQ(send(request("GET", "/v1/things/a")).status, 200);
  EXPECT_EQ(store_.waited_for, 7U);
  store_.broken = true;
  const net::HttpReply reply = send(request("GET", "/v1/things/a"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(header(reply, "x-amzn-ErrorType"), "ServiceException");
  EXPECT_NE(reply.body.find("disk full"), std::string::npos);
  EXPECT_EQ(send(request("POST", "/v1/fail")).status, 500) << "an error tells of state as well";
  const net::HttpReply query = send(request("GET", "/?Action=GetCallerIdentity&Version=2011-06-15"));
  EXPECT_EQ(query.status, 503);
}

TEST_F(GatewayTest, AFailedCheckEndsItsRequestAlone) {
  const net::HttpReply reply = send(request("POST", "/v1/break"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(header(reply, "x-amzn-ErrorType"), "ServiceException");
  EXPECT_EQ(reply.body.find("arithmetic"), std::string::npos) << "what failed goes to the log";
  EXPECT_EQ(send(request("GET", "/v1/things/a")).status, 200);
}

TEST_F(GatewayTest, ForeignPagesReachNothing) {
  const net::HttpReply reply = send(request(
      "OPTIONS", "/v1/things/a", {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "POST"}}));
  EXPECT_EQ(reply.status, 403);
  for (const Header& h : reply.headers) EXPECT_FALSE(wire::lower(h.name).starts_with("access-control")) << h.name;
  EXPECT_EQ(send(request("GET", "/_hearth/health", {{"Host", "evil.example"}})).status, 403);
  const net::HttpReply odd = send(request("GET", "/_hearth/health", {{"Host", "evil\x92\"example"}}));
  EXPECT_NE(odd.body.find("'evil\xEF\xBF\xBD\\\"example'"), std::string::npos) << odd.body;
}

TEST_F(GatewayTest, HealthSaysWhatIsInForce) {
  const net::HttpReply reply = send(request("GET", "/_hearth/health"));
  EXPECT_EQ(reply.status, 200);
  for (const char* part : {"\"status\":\"ok\"", "\"tier\":\"namespace\"", "python3.12 runs on", "\"a warning\"",
                           "\"functions\":3", "\"version\":\"0.1.0\"", "\"auth\":\"open\""}) {
    EXPECT_NE(reply.body.find(part), std::string::npos) << part << " in " << reply.body;
  }
  health_.report.storage_trouble = "disk full";
  const net::HttpReply sick = send(request("GET", "/_hearth/health"));
  EXPECT_EQ(sick.status, 503);
  EXPECT_NE(sick.body.find("disk full"), std::string::npos);
}

TEST_F(GatewayTest, MetricsAreText) {
  const net::HttpReply reply = send(request("GET", "/_hearth/metrics"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.body.find("\nhearth_x_total 7\n"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find("# TYPE hearth_uptime_seconds gauge\n"), std::string::npos) << reply.body;
  EXPECT_EQ(send(request("POST", "/_hearth/metrics")).status, 405);
}

TEST_F(GatewayTest, StrangersSeeNoMetricsWhenKeysAreInForce) {
  build(AuthMode::kEnforced);
  net::HttpRequest sent = request("GET", "/_hearth/metrics");
  sent.peer = "192.0.2.7:1000";
  EXPECT_EQ(send(sent).status, 403);
  sent.peer = "127.0.0.1:1000";
  EXPECT_EQ(send(sent).status, 200);
}

TEST_F(GatewayTest, StrangersLearnLittleFromHealthWhenKeysAreInForce) {
  build(AuthMode::kEnforced);
  net::HttpRequest sent = request("GET", "/_hearth/health");
  sent.peer = "192.0.2.7:1000";
  const net::HttpReply reply = send(sent);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.find("runtimes"), std::string::npos);
}

TEST_F(GatewayTest, ResetMustBeMeantAndIsForOpenModeOnly) {
  EXPECT_EQ(send(request("GET", "/_hearth/reset")).status, 405);
  EXPECT_EQ(send(request("POST", "/_hearth/reset")).status, 403);
  EXPECT_EQ(
      send(request("POST", "/_hearth/reset", {{"X-Hearth-Reset", "yes"}, {"Origin", "https://evil.example"}})).status,
      403);
  EXPECT_EQ(resetter_.count, 0);
  EXPECT_EQ(send(request("POST", "/_hearth/reset", {{"X-Hearth-Reset", "yes"}})).status, 200);
  EXPECT_EQ(resetter_.count, 1);
  build(AuthMode::kEnforced);
  EXPECT_EQ(send(request("POST", "/_hearth/reset", {{"X-Hearth-Reset", "yes"}})).status, 403);
  EXPECT_EQ(resetter_.count, 1);
}

TEST_F(GatewayTest, AFunctionsEndpointIsReachedByAnyNameAsTheRole) {
  const services::Caller role{.account = "111122223333",
                              .arn = "arn:aws:sts::111122223333:assumed-role/exec/f",
                              .user_id = "AROAE:f",
                              .access_key = "ASIA",
                              .is_function = true};
  const Door door{.scheme = "https", .role = &role, .region = "ap-south-1"};
  const net::HttpReply reply = send(
      request("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", {{"Host", "sts.eu-west-1.amazonaws.com"}}), door);
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.body.starts_with(role.arn + " 111122223333 eu-west-1 https://sts.eu-west-1.amazonaws.com"))
      << reply.body;
  const net::HttpReply bare = send(request("GET", "/", {{"Host", "sts.eu-west-1.amazonaws.com"}}), door);
  EXPECT_EQ(bare.status, 302);
  EXPECT_EQ(header(bare, "Location"), "https://aws.amazon.com/iam");
  EXPECT_NE(bare.body.find(role.arn), std::string::npos);
  const net::HttpReply other = send(request("GET", "/", {{"Host", "s3.amazonaws.com"}}), door);
  EXPECT_EQ(other.status, 501);
  const net::HttpReply local = send(request("GET", "/v1/things/a", {{"Host", "127.0.0.1"}}), door);
  EXPECT_NE(local.body.find(" ap-south-1 "), std::string::npos) << local.body;
}

TEST_F(GatewayTest, AFunctionCannotResetTheServerItRunsOn) {
  const services::Caller role{.account = "111122223333",
                              .arn = "arn:aws:sts::111122223333:assumed-role/exec/f",
                              .user_id = "",
                              .access_key = ""};
  const Door door{.scheme = "http", .role = &role, .region = "ap-south-1"};
  EXPECT_EQ(send(request("POST", "/_hearth/reset", {{"X-Hearth-Reset", "yes"}}), door).status, 404);
  EXPECT_EQ(send(request("GET", "/_hearth/health"), door).status, 404);
  EXPECT_EQ(resetter_.count, 0);
  net::Loop loop(clock_);
  const storage::BlobId blob = *run_on(loop, blobs_.put("zip"));
  const std::string link = downloads_->link(blob, "");
  EXPECT_EQ(send(request("GET", link), door).body, "zip");
}

TEST_F(GatewayTest, BodiesAreLimitedByWhatTheyAreFor) {
  const net::HttpLimits limits;
  const auto limit = [&](net::HttpRequest sent) { return gateway_->body_limit(sent.head, limits).value; };
  EXPECT_EQ(limit(request("POST", "/v1/things/a/invocations")), 6'291'556U + 1'048'576U);
  EXPECT_EQ(limit(request("GET", "/v1/things/a")), 70'167'211U);
  EXPECT_EQ(limit(request("GET", "/v1/things/a", {{"Content-Length", "65536"}})), 65'536U);
  EXPECT_EQ(limit(request("GET", "/v1/things/a", {{"Content-Length", "65537"}})), 70'167'211U);
  EXPECT_EQ(limit(request("POST", "/_hearth/reset")), 65'536U);
  EXPECT_EQ(limit(request("POST", "/v1/things/a", {{"Origin", "https://evil.example"}})), 65'536U);
  EXPECT_EQ(limit(request("POST", "/nothing")), 1'048'576U);
  const net::HttpReply reply = gateway_->too_large(request("GET", "/v1/things/a").head);
  EXPECT_EQ(reply.status, 413);
  EXPECT_TRUE(reply.close);
  EXPECT_NE(reply.body.find("Request must be smaller than 70167211 bytes for the GetThing operation"),
            std::string::npos)
      << reply.body;
  EXPECT_NE(gateway_->too_large(request("POST", "/v1/things/a/invocations").head)
                .body.find("6291556 bytes for the InvokeFunction"),
            std::string::npos);
  EXPECT_EQ(gateway_->too_large(request("POST", "/x", {{"Origin", "https://evil.example"}}).head).status, 403);
}

}  // namespace
}  // namespace hearth::gateway
