#include "ir/text/printer.h"

#include <algorithm>

#include "ir/text/literals.h"

namespace tw {
namespace {

/// How many columns a text takes: UTF-8 continuation bytes take none.
std::size_t columns(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

Printer::Place::Place(Printer& printer, const Node* node)
    : printer_(printer),
      marked_(node && node == printer.mark_.node && printer.mark_begin_ == std::string::npos) {
  if (marked_) printer_.mark_begin_ = printer_.out_.size();
}

Printer::Place::~Place() {
  if (marked_) printer_.mark_end_ = printer_.out_.size();
}

void Printer::line() {
  if (!out_.empty()) out_ += '\n';
  out_.append(static_cast<std::size_t>(indent_) * 2, ' ');
}

void Printer::put_name(const Buffer& buffer) {
  const Place place(*this, buffer.get());
  put(buffer ? names_.use(*buffer) : "null");
}

void Printer::add_notes() {
  constexpr std::size_t kWidest = 100;  // a longer line does not move the column of the others
  const auto line_of = [&](std::size_t at) {
    const std::size_t begin = at == 0 ? 0 : out_.rfind('\n', at - 1) + 1;  // npos + 1 is 0
    return std::pair(begin, std::min(out_.find('\n', at), out_.size()));
  };
  std::size_t column = 0;
  for (const auto& [at, note] : noted_) {
    const auto [begin, end] = line_of(at);
    const std::size_t width = columns(std::string_view(out_).substr(begin, end - begin));
    if (width <= kWidest) column = std::max(column, width);
  }
  for (auto noted = noted_.rbegin(); noted != noted_.rend(); ++noted) {
    const auto [begin, end] = line_of(noted->first);
    const std::size_t width = columns(std::string_view(out_).substr(begin, end - begin));
    out_.insert(end, std::string(std::max(column, width) - width + 2, ' ') + "# " + noted->second);
  }
}

std::string Printer::finish() && {
  add_notes();
  if (mark_begin_ == std::string::npos) return std::move(out_);
  const std::size_t line_begin = out_.rfind('\n', mark_begin_) + 1;  // npos + 1 is 0
  const std::size_t line_end = std::min(out_.find('\n', mark_begin_), out_.size());
  const std::string_view text = out_;
  const std::size_t before = columns(text.substr(line_begin, mark_begin_ - line_begin));
  const std::size_t length = columns(text.substr(mark_begin_, std::min(mark_end_, line_end) - mark_begin_));
  std::string pointer = "\n" + std::string(before, ' ') + std::string(std::max<std::size_t>(length, 1), '^');
  if (!mark_.note.empty()) pointer += " " + mark_.note;
  out_.insert(line_end, pointer);
  return std::move(out_);
}

std::string to_text(const Program& program, const TextMark& mark) {
  Printer printer(mark);
  printer.program(*program);
  return std::move(printer).finish() + "\n";
}

std::string to_text(const Program& program, const LineNotes& notes) {
  Printer printer({}, notes);
  printer.program(*program);
  return std::move(printer).finish() + "\n";
}

std::string canonical_text(const Program& program) {
  Printer printer{Printer::Canonical{}};
  printer.program(*program);
  return std::move(printer).finish() + "\n";
}

std::string to_text(const Stmt& stmt, const TextMark& mark) {
  Printer printer(mark);
  printer.suite(stmt);
  return std::move(printer).finish() + "\n";
}

std::string to_text(const Expr& e) {
  Printer printer{TextMark{}};
  printer.expr(e);
  return std::move(printer).finish();
}

std::string to_text(const Region& region) {
  Printer printer{TextMark{}};
  printer.region(region);
  return std::move(printer).finish();
}

}  // namespace tw
