#include "evener/cli/pages/html.h"

#include <fmt/format.h>

#include <algorithm>

namespace evener::cli::pages {
namespace {

// Colours of series keep 4.5 to 1 against their background, in both schemes. The first eight are told apart by hue; line_chart.cc dashes the others.
constexpr std::string_view Style = R"(
:root{color-scheme:light dark;--back:#fff;--front:#1c2024;--quiet:#5a6169;--line:#d5d9de;--good:#0a6b3d;--bad:#b3261e;
--s0:#0b62c1;--s1:#b8480a;--s2:#0f7045;--s3:#7f3bb8;--s4:#a8156f;--s5:#6a6500;--s6:#00707f;--s7:#5d5d5d}
@media (prefers-color-scheme:dark){:root{--back:#15181b;--front:#e6e9ec;--quiet:#a0a8b0;--line:#3a4047;--good:#5fd39a;--bad:#ff8f87;
--s0:#6cb6ff;--s1:#ff9d5c;--s2:#5fd39a;--s3:#c99bff;--s4:#ff8ac9;--s5:#d6d34f;--s6:#5cd5e5;--s7:#b8b8b8}}
body{background:var(--back);color:var(--front);font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.5rem;margin:0 0 .5rem}h2{font-size:1.15rem;margin:2.2rem 0 .5rem;border-bottom:1px solid var(--line)}
p{margin:.5rem 0}.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.75rem 0;font-size:13px;font-variant-numeric:tabular-nums}caption{text-align:left;color:var(--quiet);padding-bottom:.25rem}
th,td{padding:.2rem .45rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{font-weight:600;vertical-align:bottom}th:first-child,td:first-child,.text{text-align:left}
.win{color:var(--good);font-weight:600}.loss{color:var(--bad);font-weight:600}.quiet{color:var(--quiet)}
figure{margin:1.2rem 0}figcaption{font-weight:600}svg{display:block;width:100%;height:auto;max-width:60rem}
svg text{fill:var(--quiet);font:12px system-ui,sans-serif}.grid{stroke:var(--line);stroke-width:1}.level{stroke:var(--quiet);stroke-dasharray:2 4}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}.dash{stroke-dasharray:7 4}
ul.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;margin:.3rem 0 0;padding:0}
ul.legend svg{display:inline-block;width:26px;height:10px;margin-right:.4rem}
)";

std::string series_style() {
  std::string text;
  for (int i = 0; i < 8; ++i) text += fmt::format(".s{0}{{stroke:var(--s{0})}}.f{0}{{fill:var(--s{0})}}", i);
  return text;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char character : text) {
    switch (character) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default:
        if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f) {
          out += "\xef\xbf\xbd";
        } else {
          out += character;
        }
    }
  }
  return out;
}

std::string html_of(const Table& table) {
  std::string out = "<div class=\"scroll\"><table>";
  const std::size_t rows = std::min(table.rows.size(), TableRowsMax);
  std::string caption = table.caption;
  if (rows < table.rows.size()) caption += fmt::format("{}the first {} of {} rows", caption.empty() ? "" : "; ", rows, table.rows.size());
  if (!caption.empty()) out += "<caption>" + escaped(caption) + "</caption>";
  out += "<thead><tr>";
  for (const std::string& head : table.head) out += "<th scope=\"col\">" + escaped(head) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (std::size_t i = 0; i < rows; ++i) {
    out += "<tr>";
    for (const Cell& cell : table.rows[i]) {
      out += cell.css_class.empty() ? "<td>" : "<td class=\"" + cell.css_class + "\">";
      out += escaped(cell.text) + "</td>";
    }
    out += "</tr>\n";
  }
  return out + "</tbody></table></div>\n";
}

void Page::heading(std::string_view text) { body_ += "<h2>" + escaped(text) + "</h2>\n"; }
void Page::paragraph(std::string_view text) { body_ += "<p>" + escaped(text) + "</p>\n"; }

std::string Page::text() const {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{0}</title>\n<style>{1}{2}</style>\n</head>\n"
      "<body>\n<main>\n<h1>{0}</h1>\n{3}</main>\n</body>\n</html>\n",
      escaped(title_), Style, series_style(), body_);
}

}  // namespace evener::cli::pages
