#pragma once
// LambdaFixture: the Lambda API as the gateway calls it, over fakes, for unit tests of handlers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "functions/zip_builder.h"
#include "services/lambda/operations.h"
#include "services/lambda/service.h"
#include "storage/memory_store.h"
#include "wire/reply.h"

namespace hearth::services::lambda {

class FakeRuntimes final : public environment::RuntimeCatalog {
 public:
  Result<environment::RuntimeChoice> choose(const std::string& runtime) const override {
    if (runtime == "java21")
      return fail(environment::RuntimeError::kNotInstalled,
                  "java21 is not installed here. Run: apt-get install default-jdk-headless");
    environment::RuntimeChoice choice;
    choice.name = runtime;
    choice.abi = {.runtime = runtime,
                  .interpreter = "Python 3.11.2 at /usr/bin/python3",
                  .python_tag = "311",
                  .node_modules_abi = 0,
                  .machine = "x86_64"};
    if (runtime == "python3.12") choice.note = "python3.12 runs on Python 3.11.2 (/usr/bin/python3)";
    return choice;
  }
  std::vector<environment::RuntimeStatus> status() const override { return {}; }
};

class FakeInvoker final : public invocation::Invoker {
 public:
  net::Task<Result<invocation::InvokeOutcome>> invoke(invocation::InvokeRequest request) override {
    last = request;
    ++runs;
    if (failure) co_return std::unexpected(*failure);
    co_return outcome;
  }
  Status check(const invocation::InvokeRequest& request) override {
    last = request;
    if (failure) return std::unexpected(*failure);
    return {};
  }
  std::optional<Error> failure;
  invocation::InvokeOutcome outcome{
      .payload = "{}", .function_error = "", .executed_version = "$LATEST", .log_tail = ""};
  invocation::InvokeRequest last;
  int runs = 0;
};

class FakeLinks final : public CodeLinks {
 public:
  std::string link(const storage::BlobId& blob, const std::string& endpoint) override {
    return endpoint + "/code/" + blob.sha256_hex;
  }
};

class FakeRoles final : public RoleDirectory {
 public:
  RoleAnswer ask(const std::string&, const std::string&) const override { return answer; }
  RoleAnswer answer = RoleAnswer::kNotChecked;
};

class AllowAll final : public Authorizer {
 public:
  wire::Outcome<void> authorize(const RequestContext&, const Access& access) override {
    asked = std::string(access.action) + " " + access.resource;
    return {};
  }
  std::string asked;
};

class LambdaFixture : public testing::Test {
 protected:
  struct Answer {
    int status = 0;
    std::vector<Header> headers;
    std::string text;
    boost::json::object body;  // empty unless the text is an object

    std::string string(std::string_view name) const {
      const auto* value = body.if_contains(name);
      return value && value->is_string() ? std::string(value->get_string()) : "";
    }
    std::string header(std::string_view name) const {
      const std::string* value = find_header(headers, name);
      return value ? *value : "";
    }
    std::vector<std::string> keys() const {
      std::vector<std::string> names;
      for (const auto& member : body) names.emplace_back(member.key());
      std::sort(names.begin(), names.end());
      return names;
    }
  };

  LambdaFixture() {
    std::string name = (std::filesystem::temp_directory_path() / "hearth-lambda-XXXXXX").string();
    root_ = mkdtemp(name.data());
    context_.account = "123456789012";
    context_.region = "us-east-1";
    context_.caller.arn = "arn:aws:iam::123456789012:root";
    context_.endpoint = "http://127.0.0.1:4566";
    context_.request_id = "11111111-2222-4333-8444-555555555555";
    context_.warnings = &warnings_;
    reopen();
  }
  ~LambdaFixture() override { std::filesystem::remove_all(root_); }

  // A fresh service on the same storage, as after a restart.
  void reopen() {
    service_.reset();
    codes_.emplace(loop_, pool_, blobs_, root_ + "/trees", functions::CodeLimits{});
    registry_.emplace(store_, keys_, clock_);
    ASSERT_TRUE(registry_->load());
    layers_.emplace(store_, clock_);
    ASSERT_TRUE(layers_->load());
    service_.emplace(LambdaParts{.loop = loop_,
                                 .turns = turns_,
                                 .pool = pool_,
                                 .store = store_,
                                 .registry = *registry_,
                                 .layers = *layers_,
                                 .codes = *codes_,
                                 .runtimes = runtimes_,
                                 .invoker = invoker_,
                                 .links = links_,
                                 .roles = roles_,
                                 .log = log_,
                                 .events = {},
                                 .concurrency = 1000,
                                 .imported_layers = root_ + "/imports"});
  }

  // One request. `labels` are path labels, `query` query parameters.
  struct Request {
    std::string operation;
    std::vector<std::pair<std::string, std::string>> labels = {};
    std::vector<std::pair<std::string, std::string>> query = {};
    std::vector<Header> headers = {};
    std::string body = {};
  };
  Answer call(Request request) {
    const OperationTable table = make_operations(*service_);
    const Operation* operation = table.find(request.operation);
    EXPECT_NE(operation, nullptr) << request.operation;
    wire::Call wire_call;
    wire_call.labels = std::move(request.labels);
    wire_call.query = std::move(request.query);
    wire_call.headers = std::move(request.headers);
    wire_call.body = std::move(request.body);
    std::optional<wire::Outcome<wire::EncodedReply>> outcome;
    loop_.spawn(keep(operation->run(context_, wire_call, authorizer_), outcome));
    loop_.run();
    const wire::EncodedReply reply =
        *outcome ? **outcome : wire::encode_error(wire::lambda::model(), outcome->error(), context_.request_id);
    Answer answer{.status = reply.status, .headers = reply.headers, .text = reply.body, .body = {}};
    boost::system::error_code error;
    auto value = boost::json::parse(reply.body, error);
    if (!error && value.is_object()) answer.body = value.get_object();
    return answer;
  }
  static net::Task<> keep(net::Task<wire::Outcome<wire::EncodedReply>> task,
                          std::optional<wire::Outcome<wire::EncodedReply>>& result) {
    result.emplace(co_await std::move(task));
  }

  static std::string some_zip(const std::string& text = "def handler(e, c): return e\n") {
    return functions::ZipBuilder().add("index.py", text).finish();
  }
  // The members of a CreateFunction request; `more` adds or replaces some.
  static boost::json::object create_body(const std::string& name, const boost::json::object& more = {}) {
    boost::json::object body{{"FunctionName", name},
                             {"Runtime", "python3.11"},
                             {"Role", "arn:aws:iam::123456789012:role/r"},
                             {"Handler", "index.handler"},
                             {"Code", boost::json::object{{"ZipFile", base64_encode(some_zip())}}}};
    for (const auto& member : more) body[member.key()] = member.value();
    return body;
  }
  Answer create(const std::string& name, const boost::json::object& more = {}) {
    return call({.operation = "CreateFunction", .body = boost::json::serialize(create_body(name, more))});
  }
  Answer get(const std::string& name) { return call({.operation = "GetFunction", .labels = {{"FunctionName", name}}}); }

  const std::string arn_ = "arn:aws:lambda:us-east-1:123456789012:function:f";
  std::string root_;
  SystemClock clock_;
  net::Loop loop_{clock_};
  net::FairTurns turns_{loop_, 1};
  net::ThreadPool pool_{1};
  storage::MemoryStore store_;
  storage::MemoryBlobStore blobs_;
  FakeRuntimes runtimes_;
  FakeInvoker invoker_;
  FakeLinks links_;
  FakeRoles roles_;
  AllowAll authorizer_;
  observe::Logger log_{-1, observe::Level::kError, observe::LogFormat::kText};
  std::vector<std::string> warnings_;
  RequestContext context_;
  std::optional<functions::CodeStore> codes_;
  storage::KeyRing keys_ = storage::KeyRing::fresh();
  std::optional<functions::Registry> registry_;
  std::optional<functions::LayerRegistry> layers_;
  std::optional<LambdaService> service_;
};

}  // namespace hearth::services::lambda
