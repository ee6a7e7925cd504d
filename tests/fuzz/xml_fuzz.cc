// XML, which is only written: whatever text goes in, pugixml reads it back, in members and in errors.
#include <pugixml.hpp>

#include "base/utf8.h"
#include "fuzz.h"
#include "wire/generated/iam.h"
#include "wire/generated/sts.h"
#include "wire/reply.h"
#include "wire/xml_writer.h"

namespace {

using namespace hearth;

// What a reader of XML 1.0 may see of `text`: what cannot be carried is U+FFFD.
bool is_plain(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_sequence(text.substr(at));
    if (length == 0) return false;
    const auto first = static_cast<unsigned char>(text[at]);
    if (length == 1 && first < 0x20 && first != '\t' && first != '\n') return false;
    if (text.substr(at, length) == "\xEF\xBF\xBE" || text.substr(at, length) == "\xEF\xBF\xBF") return false;
    at += length;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = fuzz::Input(data, size).rest();
  wire::XmlWriter writer;
  writer.open("Top");
  writer.text("A", text);
  writer.member("L", std::vector<std::string>{text, "x"});
  writer.member("M", std::map<std::string, std::string>{{text, text}});
  writer.close("Top");
  const std::string xml = writer.take();
  pugi::xml_document document;
  const auto parsed = document.load_buffer(xml.data(), xml.size(), pugi::parse_default | pugi::parse_ws_pcdata_single,
                                           pugi::encoding_utf8);
  FUZZ_REQUIRE(parsed);
  const pugi::xml_node top = document.child("Top");
  if (is_plain(text) && text.find('\r') == std::string::npos) {
    FUZZ_REQUIRE(text == top.child_value("A"));
    FUZZ_REQUIRE(text == top.child("L").child_value("member"));
    FUZZ_REQUIRE(text == top.child("M").child("entry").child_value("key"));
  }
  FUZZ_REQUIRE(std::string_view("x") == top.child("L").last_child().child_value());

  const wire::AwsError error{.code = "Code", .message = text};
  const wire::EncodedReply reply = wire::encode_error(wire::sts::model(), error, "id");
  pugi::xml_document error_document;
  FUZZ_REQUIRE(
      error_document.load_buffer(reply.body.data(), reply.body.size(), pugi::parse_default, pugi::encoding_utf8));
  FUZZ_REQUIRE(std::string_view("Code") == error_document.child("ErrorResponse").child("Error").child_value("Code"));
  return 0;
}
