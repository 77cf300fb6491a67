#include "evener/actuators/xml_reader.h"

#include <doctest/doctest.h>

namespace evener::actuators {
namespace {

TEST_CASE("elements are read with their texts and children, attributes, comments and the declaration are passed over") {
  const auto root = read_xml(R"(<?xml version="1.0" encoding="UTF-8"?><!-- c --><Answer xmlns="http://a/>b" x='"'>
    <Group><member><Id>i-1</Id><Empty/></member><member><Id>i-2</Id></member></Group> <Text> a &lt;b&gt; &amp; &#65;&#x20AC; <![CDATA[<raw>]]> </Text>
    </Answer><!-- end -->)");
  REQUIRE(root.has_value());
  CHECK(root->name == "Answer");
  CHECK(root->text_of("Text") == "a <b> & A\xe2\x82\xac <raw>");
  const XmlElement* group = root->child("Group");
  REQUIRE(group != nullptr);
  REQUIRE(group->children.size() == 2);
  CHECK(group->children[1].text_of("Id") == "i-2");
  CHECK(root->at({"Group", "member", "Id"})->text == "i-1");
  CHECK(root->at({"Group", "absent", "Id"}) == nullptr);
  CHECK(group->children[0].text_of("Empty").empty());
  CHECK(root->text_of("Absent").empty());
}

TEST_CASE("what is not well-formed, or what XML is attacked with, is refused") {
  for (const char* text : {"",
                           " ",
                           "text",
                           "<a>",
                           "<a></b>",
                           "<a/><b/>",
                           "<a/>text",
                           "<a><b></a></b>",
                           "</a>",
                           "<a",
                           "<a x=\">",
                           "<a>&</a>",
                           "<a>&unknown;</a>",
                           "<a>&#0;</a>",
                           "<a>&#xD800;</a>",
                           "<a>&#x110000;</a>",
                           "<a>&#;</a>",
                           "< a/>",
                           "<a <b/>",
                           "<a><!-- </a>",
                           "<a><![CDATA[</a>",
                           "<a><?php ?></a>",
                           "<!DOCTYPE a><a/>",
                           "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
                           "<>x</>"}) {
    CAPTURE(text);
    CHECK(!read_xml(text));
  }
}

TEST_CASE("depth and number of elements have limits") {
  const auto nested = [](std::size_t depth) {
    std::string text;
    for (std::size_t i = 0; i < depth; ++i) text += "<a>";
    for (std::size_t i = 0; i < depth; ++i) text += "</a>";
    return text;
  };
  CHECK(read_xml(nested(XmlDepthMax)).has_value());
  CHECK(!read_xml(nested(XmlDepthMax + 1)).has_value());
  const auto many = [](std::size_t count) {
    std::string text = "<r>";
    for (std::size_t i = 1; i < count; ++i) text += "<a/>";
    return text + "</r>";
  };
  CHECK(read_xml(many(XmlElementsMax)).has_value());
  CHECK(!read_xml(many(XmlElementsMax + 1)).has_value());
}

}  // namespace
}  // namespace evener::actuators
