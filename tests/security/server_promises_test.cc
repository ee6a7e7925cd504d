// Packages and forged identities against the server's own checks, and against a build of these checks with each left
// out (HEARTH_MUTANTS). The same rule as promises_test.cc: alone, exactly its attempts succeed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "environment/journal.h"
#include "functions/unpack.h"
#include "functions/zip_builder.h"
#include "functions/zip_reader.h"
#include "gateway/authenticate.h"
#include "gateway/test_support.h"
#include "promises.h"
#ifdef HEARTH_MUTANTS
#include "mutants/left_out.h"
#endif

namespace hearth::security {
namespace {

using functions::CodeLimits;
using functions::ZipBuilder;
using services::Caller;
using services::Credential;

// ---- packages -----------------------------------------------------------------------------------------------------

CodeLimits small_limits() {
  CodeLimits limits;
  limits.unpacked = ByteCount{10'000};
  limits.entries = 8;
  return limits;
}

// Whether the package passes for one. A path with ".." in it would fail later still, when its folder is made.
bool is_read(const ZipBuilder& zip) { return functions::ZipReader::open(zip.finish(), small_limits()).has_value(); }

// Whether the package is taken.
bool is_unpacked(const ZipBuilder& zip) {
  const gateway::TemporaryFolder folder;
  const std::string bytes = zip.finish();
  const auto reader = functions::ZipReader::open(bytes, small_limits());
  return reader && functions::unpack(*reader, folder.path() + "/tree").has_value();
}

bool many_files() {
  ZipBuilder zip;
  for (int i = 0; i < 9; ++i) zip.add("f" + std::to_string(i), "x");
  return is_unpacked(zip);
}

// ---- identities ---------------------------------------------------------------------------------------------------

class Keys final : public services::CredentialSource {
 public:
  explicit Keys(TimePoint now) {
    const auto session = [&](const char* name, TimePoint expires) {
      return Credential{.secret_access_key = std::string(name) + " secret",
                        .session_token = std::string(name) + " token",
                        .expires = expires,
                        .account = "111122223333",
                        .arn = std::string("arn:aws:sts::111122223333:assumed-role/") + name + "/s",
                        .user_id = "AROA:s"};
    };
    keys_["ASIAOTHER"] = session("other", now + std::chrono::hours(1));
    keys_["ASIAOLD"] = session("old", now - std::chrono::hours(1));
  }
  std::optional<Credential> find_credential(std::string_view key, std::string_view) const override {
    const auto found = keys_.find(std::string(key));
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::string, Credential> keys_;
};

struct Forgery {
  std::string key = {}, secret = {}, token = {};
  std::string service = "lambda";
  std::chrono::minutes clock_off{0};
  std::vector<Header> added = {};  // after signing
};

// Who the endpoint of a function takes the sender for; empty if it is refused.
std::string caller_at_endpoint(const Forgery& forgery) {
  const FakeClock clock;
  const Keys keys(clock.now());
  net::Loop loop(clock);
  net::ThreadPool pool(1);
  gateway::Authenticator authenticator(gateway::AuthMode::kOpen, {&keys}, loop, pool, clock);
  wire::ServiceModel model;
  model.name = model.signing_name = "lambda";
  model.protocol = wire::Protocol::kRestJson;
  const gateway::ServiceEntry service{&model, services::OperationTable({}), std::chrono::minutes(5), ByteCount::mib(1)};
  const Caller role{.account = "111122223333",
                    .arn = "arn:aws:sts::111122223333:assumed-role/own/s",
                    .user_id = "AROAOWN:s",
                    .access_key = {},
                    .is_function = true};
  std::vector<Header> headers{{"Host", "lambda.us-east-1.amazonaws.com"}};
  std::string body = "{}";
  if (!forgery.key.empty()) {
    wire::SigV4 signer;
    const auto added =
        signer.sign({"POST", "/", "", headers}, {forgery.key, forgery.secret, forgery.token},
                    {"us-east-1", forgery.service}, clock.now() + forgery.clock_off, signer.sha256_hex(body));
    headers.insert(headers.end(), added.begin(), added.end());
  }
  headers.insert(headers.end(), forgery.added.begin(), forgery.added.end());
  const wire::SignedRequest request{"POST", "/", "", headers};
  const auto claim = wire::parse_signature(request);
  if (!claim) return {};
  const auto outcome = gateway::run_on(loop, authenticator.authenticate({request, *claim, service, &role}, body));
  return outcome ? outcome->arn : std::string();
}

// Whether the sender passes for anybody but the function's own role.
bool passes_for_another(const Forgery& forgery) {
  const std::string arn = caller_at_endpoint(forgery);
  return !arn.empty() && arn != "arn:aws:sts::111122223333:assumed-role/own/s";
}

// ---- logs ---------------------------------------------------------------------------------------------------------

class Nowhere final : public environment::LogSink {
  void append(const std::string&, const std::string&, const std::string&, const std::string&,
              std::vector<environment::LogLine>) override {}
};

// Whether a function can write a gigabyte in no time: what it has written is read as long as the journal lets it.
bool log_flood() {
  const FakeClock clock;
  Nowhere sink;
  environment::Journal journal(sink, clock, {"1", "r", "/aws/lambda/f", "s"});
  constexpr std::size_t kPiece = std::size_t{64} << 10U;
  std::size_t read = 0;
  while (read < std::size_t{1} << 30U && journal.overdrawn_for().count() == 0) {
    journal.charge(kPiece);
    read += kPiece;
  }
  return read >= std::size_t{1} << 30U;
}

const std::map<std::string, std::function<bool()>>& attempts() {
  static const std::map<std::string, std::function<bool()>> all = {
      {"zip_absolute_path", [] { return is_unpacked(ZipBuilder().add("/etc/passwd", "x")); }},
      {"zip_parent_path", [] { return is_read(ZipBuilder().add("../outside", "x")); }},
      {"zip_two_names", [] { return is_unpacked(ZipBuilder().add("handler.py", "x", {.local_name = "another.py"})); }},
      {"zip_device", [] { return is_unpacked(ZipBuilder().add("null", "", {.mode = 0020666})); }},
      {"zip_bomb", [] { return is_unpacked(ZipBuilder().add("zeros", std::string(20'000, '\0'), {.deflate = true})); }},
      {"zip_many_files", many_files},
      {"zip_changed_content", [] { return is_unpacked(ZipBuilder().add("f", "content", {.crc_change = 1})); }},
      {"zip_absolute_link", [] { return is_unpacked(ZipBuilder().add_link("l", "/etc/shadow")); }},
      {"zip_parent_link", [] { return is_unpacked(ZipBuilder().add_link("a", "../other/handler.py")); }},
      {"zip_link_through_link",
       [] {
         return is_unpacked(ZipBuilder().add("a/b/f", "").add_link("a/b/up", "..").add_link("x", "a/b/up/../../y"));
       }},
      {"log_flood", log_flood},
      {"endpoint_no_key", [] { return passes_for_another({}); }},
      {"endpoint_forged_headers",
       [] {
         return passes_for_another({.added = {{"X-Amz-Security-Token", "other token"},
                                              {"X-Amz-Access-Key-Id", "ASIAOTHER"},
                                              {"X-Amz-Source-Account", "999988887777"},
                                              {"X-Amz-Source-Arn", "arn:aws:iam::999988887777:root"},
                                              {"X-Forwarded-For", "127.0.0.1"},
                                              {"X-Amzn-Iam-Role", "other"}}});
       }},
      {"endpoint_foreign_account", [] { return passes_for_another({"999988887777", "any", ""}); }},
      {"endpoint_another_functions_key", [] { return passes_for_another({"ASIAOTHER", "guessed", "other token"}); }},
      {"endpoint_changed_token", [] { return passes_for_another({"ASIAOTHER", "other secret", "another token"}); }},
      {"endpoint_expired_key", [] { return passes_for_another({"ASIAOLD", "old secret", "old token"}); }},
      {"endpoint_replayed_for_another_service",
       [] { return passes_for_another({"ASIAOTHER", "other secret", "other token", "s3"}); }},
      {"endpoint_replayed_later",
       [] {
         return passes_for_another({"ASIAOTHER", "other secret", "other token", "lambda", std::chrono::minutes(-30)});
       }},
      {"endpoint_unsigned_target",
       [] {
         return passes_for_another({.key = "ASIAOTHER",
                                    .secret = "other secret",
                                    .token = "other token",
                                    .added = {{"X-Amz-Target", "Logs_20140328.DeleteLogGroup"}}});
       }},
  };
  return all;
}

std::set<std::string> broken() {
  std::set<std::string> names;
  for (const auto& [name, succeeds] : attempts()) {
    if (succeeds()) names.insert(name);
  }
  return names;
}

TEST(ServerPromises, EachAttemptHasARowInTheTableAndEachRowAnAttempt) {
  std::set<std::string> rows, names;
  for (const Promise& promise : load_server_promises().promises) rows.insert(promise.attempt);
  for (const auto& [name, succeeds] : attempts()) names.insert(name);
  EXPECT_EQ(names, rows);
}

TEST(ServerPromises, AreKept) { EXPECT_EQ(broken(), std::set<std::string>()); }

// Not taken because it is a package at all, or a key that is anybody's.
TEST(ServerPromises, AreNotKeptByRefusingEverything) {
  EXPECT_TRUE(is_unpacked(ZipBuilder().add("a/handler.py", "x").add_link("a/link", "handler.py")));
  EXPECT_EQ(caller_at_endpoint({"ASIAOTHER", "other secret", "other token"}),
            "arn:aws:sts::111122223333:assumed-role/other/s");
  EXPECT_EQ(caller_at_endpoint({}), "arn:aws:sts::111122223333:assumed-role/own/s");
}

#ifdef HEARTH_MUTANTS
class ServerLeavingOut : public testing::TestWithParam<Mutant> {};

TEST_P(ServerLeavingOut, LetsExactlyItsAttemptsSucceed) {
  ASSERT_TRUE(leave_out(GetParam().barriers()));
  EXPECT_EQ(broken(), GetParam().breaks);
  leave_out("");
}

INSTANTIATE_TEST_SUITE_P(Mutants, ServerLeavingOut, testing::ValuesIn(load_server_promises().mutants),
                         [](const auto& mutant) { return mutant.param.name(); });
#endif

}  // namespace
}  // namespace hearth::security
