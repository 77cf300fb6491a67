#pragma once
// Command lines of the two programs: an optional word, then `--name value` or `--name` pairs. Exits with status 2 on anything unknown, so
// that a misspelt option can never turn into a measurement of something else.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace proxy_bench {

class Arguments {
 public:
  /// `known` maps every option to its default; an option whose default is "no" takes no value and becomes "yes".
  Arguments(int count, char** words, std::map<std::string, std::string> known) : values_(std::move(known)) {
    for (int i = 1; i < count; ++i) {
      const std::string_view word = words[i];
      if (!word.starts_with("--")) {
        words_.emplace_back(word);
        continue;
      }
      const auto option = values_.find(std::string(word.substr(2)));
      if (option == values_.end()) {
        fail("unknown option " + std::string(word));
      }
      if (option->second == "no") {
        option->second = "yes";
      } else if (++i < count) {
        option->second = words[i];
      } else {
        fail(std::string(word) + " needs a value");
      }
    }
  }

  const std::vector<std::string>& words() const { return words_; }
  const std::string& text(const std::string& name) const { return values_.at(name); }
  bool flag(const std::string& name) const { return values_.at(name) == "yes"; }
  std::uint64_t number(const std::string& name) const {
    const std::string& value = values_.at(name);
    char* end = nullptr;
    const unsigned long long result = std::strtoull(value.c_str(), &end, 10);
    if (value.empty() || *end != '\0' || value.front() == '-') {
      fail("--" + name + " is '" + value + "'; it must be a whole number");
    }
    return result;
  }

  [[noreturn]] static void fail(const std::string& message) {
    std::fprintf(stderr, "%s\n", message.c_str());
    std::exit(2);
  }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> words_;
};

}  // namespace proxy_bench
