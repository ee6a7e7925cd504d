#include "promises.h"

#include <boost/json.hpp>
#include <fstream>
#include <sstream>

namespace hearth::security {

std::string Mutant::name() const {
  std::string joined;
  for (const std::string& barrier : without) joined += (joined.empty() ? "" : "_") + barrier.substr(1);
  return joined;
}

std::string Mutant::barriers() const {
  std::string joined;
  for (const std::string& barrier : without) joined += (joined.empty() ? "" : ",") + barrier;
  return joined;
}

namespace {

PromiseTable load(const std::string& promises, const std::string& mutants, const std::string& tier) {
  std::ifstream file(HEARTH_SECURITY_FOLDER "/promises.json");
  std::stringstream text;
  text << file.rdbuf();
  const boost::json::object root = boost::json::parse(text.str()).as_object();
  PromiseTable table;
  for (const auto& row : root.at(promises).as_array()) {
    table.promises.push_back({.attempt = std::string(row.at("attempt").as_string()),
                              .text = std::string(row.at("promise").as_string()),
                              .holds = tier.empty() ? "yes" : std::string(row.at(tier).as_string())});
  }
  for (const auto& row : root.at(mutants).as_array()) {
    Mutant mutant;
    for (const auto& barrier : row.at("without").as_array()) mutant.without.emplace_back(barrier.as_string());
    for (const auto& attempt : row.at("breaks").as_array()) mutant.breaks.emplace(attempt.as_string());
    if (const auto* perhaps = row.as_object().if_contains("perhaps")) {
      for (const auto& attempt : perhaps->as_array()) mutant.perhaps.emplace(attempt.as_string());
    }
    table.mutants.push_back(std::move(mutant));
  }
  return table;
}

}  // namespace

PromiseTable load_promises(const std::string& tier) { return load("promises", "mutants", tier); }

PromiseTable load_server_promises() { return load("server_promises", "server_mutants", ""); }

}  // namespace hearth::security
