// SPDX-License-Identifier: Apache-2.0
#include "daemon/site/point_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace vidra {
namespace {

constexpr std::string_view field_names[field_count] = {"host", "station", "address", "last", "count", "type", "table", "direction", "kind", "mode", "min", "max", "step",
                                                       "unit", "feedback", "travel_time", "name", "bay", "voltage", "writable", "quantity", "scale", "reference"};

// Headings as people write them, folded: English, Bosnian, Croatian, Serbian, German. The longest that a heading contains, word by
// word, says what its column holds.
struct Heading { Field field; std::string_view words; };
constexpr Heading headings[] = {
    {Field::host, "host"}, {Field::host, "rtu name"}, {Field::host, "ip"}, {Field::host, "ip address"}, {Field::host, "ip adresa"},
    {Field::station, "common address"}, {Field::station, "common address of asdu"}, {Field::station, "adresa asdu"}, {Field::station, "asdu address"}, {Field::station, "asdu adresa"},
    {Field::station, "asdu adr"}, {Field::station, "casdu"}, {Field::station, "coa"}, {Field::station, "ca"}, {Field::station, "asdu"}, {Field::station, "outstation"},
    {Field::station, "outstation address"}, {Field::station, "link address"}, {Field::station, "unit id"}, {Field::station, "unit identifier"}, {Field::station, "slave"},
    {Field::station, "slave id"}, {Field::station, "slave address"}, {Field::station, "adresa stanice"}, {Field::station, "zajednicka adresa"}, {Field::station, "station address"},
    {Field::station, "rtu address"}, {Field::station, "rtu adresa"}, {Field::station, "stationsadresse"}, {Field::station, "dnp address"},
    {Field::address, "ioa"}, {Field::address, "ioa address"}, {Field::address, "ioa adresa"}, {Field::address, "adresa ioa"}, {Field::address, "information object address"},
    {Field::address, "object address"}, {Field::address, "info address"}, {Field::address, "info adresa"}, {Field::address, "adresa objekta"}, {Field::address, "adresa informacijskog objekta"},
    {Field::address, "adresa informacionog objekta"}, {Field::address, "register address"}, {Field::address, "point index"}, {Field::address, "index"}, {Field::address, "indeks"},
    {Field::address, "register"}, {Field::address, "registar"}, {Field::address, "adresa registra"}, {Field::address, "address"}, {Field::address, "adresa"}, {Field::address, "adr"},
    {Field::address, "offset"}, {Field::address, "point number"}, {Field::address, "point"}, {Field::address, "adresse"}, {Field::address, "objektadresse"}, {Field::address, "first address"},
    {Field::last, "last address"}, {Field::last, "end address"}, {Field::last, "to address"}, {Field::last, "do adrese"}, {Field::last, "zadnja adresa"}, {Field::last, "krajnja adresa"},
    {Field::count, "count"}, {Field::count, "quantity"}, {Field::count, "number of points"}, {Field::count, "kolicina"}, {Field::count, "broj objekata"}, {Field::count, "anzahl"},
    {Field::type, "type"}, {Field::type, "type id"}, {Field::type, "type identification"}, {Field::type, "asdu type"}, {Field::type, "ti"}, {Field::type, "tip"}, {Field::type, "tip asdu"},
    {Field::type, "asdu tip"}, {Field::type, "tip signala"}, {Field::type, "tip podatka"}, {Field::type, "data type"}, {Field::type, "point type"}, {Field::type, "object type"},
    {Field::type, "typ"}, {Field::type, "typkennung"}, {Field::type, "tip objekta"}, {Field::type, "type of asdu"},
    {Field::table, "table"}, {Field::table, "register type"}, {Field::table, "tip registra"}, {Field::table, "area"}, {Field::table, "function code"}, {Field::table, "fc"}, {Field::table, "tabela"},
    {Field::direction, "direction"}, {Field::direction, "smjer"}, {Field::direction, "smer"}, {Field::direction, "richtung"}, {Field::direction, "dir"},
    {Field::kind, "kind"}, {Field::kind, "vrsta"}, {Field::kind, "vrsta signala"}, {Field::kind, "category"}, {Field::kind, "kategorija"}, {Field::kind, "klasa"},
    {Field::mode, "mode"}, {Field::mode, "sbo"}, {Field::mode, "select before operate"}, {Field::mode, "select"}, {Field::mode, "control mode"}, {Field::mode, "nacin upravljanja"},
    {Field::mode, "command mode"}, {Field::mode, "selekcija"}, {Field::mode, "s e"},
    {Field::min, "min"}, {Field::min, "minimum"}, {Field::min, "minimalna vrijednost"}, {Field::min, "minimalna vrednost"}, {Field::min, "donja granica"}, {Field::min, "low limit"}, {Field::min, "lower limit"},
    {Field::max, "max"}, {Field::max, "maximum"}, {Field::max, "maksimum"}, {Field::max, "maks"}, {Field::max, "gornja granica"}, {Field::max, "high limit"}, {Field::max, "upper limit"},
    {Field::step, "step"}, {Field::step, "korak"}, {Field::step, "schritt"},
    {Field::unit, "unit"}, {Field::unit, "engineering unit"}, {Field::unit, "eng unit"}, {Field::unit, "jedinica"}, {Field::unit, "mjerna jedinica"}, {Field::unit, "merna jedinica"}, {Field::unit, "jed"}, {Field::unit, "einheit"},
    {Field::feedback, "feedback"}, {Field::feedback, "feedback address"}, {Field::feedback, "feedback ioa"}, {Field::feedback, "return information"}, {Field::feedback, "povratna informacija"},
    {Field::feedback, "povratni signal"}, {Field::feedback, "povratna adresa"}, {Field::feedback, "povratna dojava"}, {Field::feedback, "povratna"}, {Field::feedback, "ruckmeldung"}, {Field::feedback, "rueckmeldung"},
    {Field::travel_time, "travel time"}, {Field::travel_time, "operating time"}, {Field::travel_time, "running time"}, {Field::travel_time, "vrijeme hoda"}, {Field::travel_time, "vreme hoda"},
    {Field::travel_time, "vrijeme izvrsenja"}, {Field::travel_time, "vreme izvrsenja"}, {Field::travel_time, "laufzeit"}, {Field::travel_time, "timeout"},
    {Field::name, "name"}, {Field::name, "description"}, {Field::name, "desc"}, {Field::name, "naziv"}, {Field::name, "naziv signala"}, {Field::name, "naziv tacke"}, {Field::name, "opis"},
    {Field::name, "opis signala"}, {Field::name, "signal"}, {Field::name, "signal name"}, {Field::name, "point name"}, {Field::name, "tag"}, {Field::name, "text"}, {Field::name, "bezeichnung"}, {Field::name, "oznaka"},
    {Field::bay, "bay"}, {Field::bay, "bay name"}, {Field::bay, "polje"}, {Field::bay, "naziv polja"}, {Field::bay, "feeder"}, {Field::bay, "celija"}, {Field::bay, "izvod"}, {Field::bay, "feld"},
    {Field::voltage, "voltage"}, {Field::voltage, "voltage level"}, {Field::voltage, "napon"}, {Field::voltage, "naponski nivo"}, {Field::voltage, "naponska razina"}, {Field::voltage, "kv"}, {Field::voltage, "un"}, {Field::voltage, "spannung"},
    {Field::quantity, "same quantity"}, {Field::quantity, "ista velicina"}, {Field::quantity, "istovjetna velicina"}, {Field::quantity, "istovetna velicina"},
    {Field::scale, "scale"}, {Field::scale, "scale factor"}, {Field::scale, "scaling"}, {Field::scale, "scaling factor"}, {Field::scale, "multiplier"}, {Field::scale, "faktor"}, {Field::scale, "faktor skaliranja"},
    {Field::scale, "skaliranje"}, {Field::scale, "mnozitelj"}, {Field::scale, "mnozilac"}, {Field::scale, "skalierung"}, {Field::scale, "skalierungsfaktor"},
    {Field::reference, "iec 61850 reference"}, {Field::reference, "61850 reference"}, {Field::reference, "iec 61850 object reference"}, {Field::reference, "iec61850 reference"}, {Field::reference, "object reference"},
    {Field::reference, "iec 61850 address"}, {Field::reference, "61850 address"}, {Field::reference, "iec 61850 adresa"}, {Field::reference, "iec 61850 referenca"}, {Field::reference, "mms address"}, {Field::reference, "mms adresa"},
    {Field::reference, "mms reference"}, {Field::reference, "mms referenca"}, {Field::reference, "iec61850"}, {Field::reference, "iec 61850"}, {Field::reference, "61850 objektreferenz"},
    {Field::writable, "writable"}, {Field::writable, "r w"}, {Field::writable, "rw"}, {Field::writable, "access"}, {Field::writable, "pristup"},
};

constexpr Meaning directions_[] = {{"control", "control"}, {"command", "control"}, {"komanda", "control"}, {"komande", "control"}, {"naredba", "control"}, {"nalog", "control"}, {"upravljanje", "control"}, {"output", "control"},
                                  {"out", "control"}, {"izlaz", "control"}, {"c", "control"}, {"monitor", "monitor"}, {"monitoring", "monitor"}, {"indication", "monitor"}, {"dojava", "monitor"}, {"signalizacija", "monitor"},
                                  {"signal", "monitor"}, {"mjerenje", "monitor"}, {"merenje", "monitor"}, {"input", "monitor"}, {"in", "monitor"}, {"ulaz", "monitor"}, {"m", "monitor"}, {"nadzor", "monitor"}};
constexpr Meaning kinds_[] = {{"switchgear", "switchgear"}, {"breaker", "switchgear"}, {"circuit breaker", "switchgear"}, {"disconnector", "switchgear"}, {"switch", "switchgear"}, {"isolator", "switchgear"}, {"prekidac", "switchgear"},
                             {"rastavljac", "switchgear"}, {"sklopka", "switchgear"}, {"zemljospojnik", "switchgear"}, {"noz", "switchgear"}, {"tap", "tap"}, {"tap changer", "tap"}, {"oltc", "tap"},
                             {"regulacija", "tap"}, {"regulacijska sklopka", "tap"}, {"regulaciona sklopka", "tap"}, {"set point", "set_point"}, {"setpoint", "set_point"}, {"zadana vrijednost", "set_point"},
                             {"zadata vrednost", "set_point"}, {"zadana", "set_point"}, {"zadata", "set_point"}, {"reset", "reset"}, {"kvitiranje", "reset"}, {"acknowledge", "reset"}, {"measurement", "measurement"}, {"measurand", "measurement"},
                             {"mjerenje", "measurement"}, {"merenje", "measurement"}, {"analog", "measurement"}, {"status", "status"}, {"signal", "status"}, {"signalizacija", "status"}, {"dojava", "status"}, {"alarm", "status"},
                             {"indication", "status"}, {"counter", "counter"}, {"brojilo", "counter"}, {"brojac", "counter"}, {"energy", "counter"}, {"energija", "counter"}, {"other", "other"}, {"ostalo", "other"}};
constexpr Meaning modes_[] = {{"yes", "select"}, {"y", "select"}, {"da", "select"}, {"ja", "select"}, {"true", "select"}, {"x", "select"}, {"1", "select"}, {"sbo", "select"}, {"select", "select"}, {"select before operate", "select"},
                             {"se", "select"}, {"no", "direct"}, {"n", "direct"}, {"ne", "direct"}, {"nein", "direct"}, {"false", "direct"}, {"0", "direct"}, {"direct", "direct"}, {"direct operate", "direct"}, {"direktno", "direct"}, {"de", "direct"}};
constexpr Meaning writables_[] = {{"rw", "yes"}, {"r w", "yes"}, {"w", "yes"}, {"wo", "yes"}, {"write", "yes"}, {"read write", "yes"}, {"yes", "yes"}, {"da", "yes"}, {"true", "yes"}, {"1", "yes"}, {"x", "yes"},
                                 {"r", "no"}, {"ro", "no"}, {"read", "no"}, {"read only", "no"}, {"no", "no"}, {"ne", "no"}, {"false", "no"}, {"0", "no"}};
constexpr ShortType short_types_[] = {{"sp", "monitor", "status"}, {"spi", "monitor", "status"}, {"single point", "monitor", "status"}, {"single point information", "monitor", "status"}, {"dp", "monitor", "switchgear"}, {"dpi", "monitor", "switchgear"},
                                     {"double point", "monitor", "switchgear"}, {"double point information", "monitor", "switchgear"}, {"sc", "control", ""}, {"sco", "control", ""}, {"single command", "control", ""}, {"dc", "control", "switchgear"},
                                     {"dco", "control", "switchgear"}, {"double command", "control", "switchgear"}, {"rc", "control", "tap"}, {"rco", "control", "tap"}, {"step command", "control", "tap"}, {"regulating step command", "control", "tap"},
                                     {"se", "control", "set_point"}, {"set point", "control", "set_point"}, {"setpoint", "control", "set_point"}, {"ao", "control", "set_point"}, {"me", "monitor", "measurement"}, {"mv", "monitor", "measurement"},
                                     {"measurement", "monitor", "measurement"}, {"measured value", "monitor", "measurement"}, {"mjerenje", "monitor", "measurement"}, {"merenje", "monitor", "measurement"}, {"ai", "monitor", "measurement"}, {"st", "monitor", "tap"},
                                     {"step position", "monitor", "tap"}, {"it", "monitor", "counter"}, {"counter", "monitor", "counter"}, {"brojilo", "monitor", "counter"}, {"di", "monitor", "status"}, {"do", "control", ""},
                                     {"dojava", "monitor", "status"}, {"signal", "monitor", "status"}, {"komanda", "control", ""}, {"jednobitna dojava", "monitor", "status"}, {"dvobitna dojava", "monitor", "switchgear"}, {"jednobitna komanda", "control", ""}, {"dvobitna komanda", "control", "switchgear"}};
constexpr Meaning dnp3_types_[] = {{"crob", "crob"}, {"bo", "crob"}, {"do", "crob"}, {"digital output", "crob"}, {"control", "crob"}, {"command", "crob"}, {"g12", "crob"}, {"binary output command", "crob"}, {"komanda", "crob"},
                                  {"analog output", "analog_output"}, {"ao", "analog_output"}, {"g41", "analog_output"}, {"set point", "analog_output"}, {"setpoint", "analog_output"}, {"binary input", "binary_input"}, {"bi", "binary_input"},
                                  {"di", "binary_input"}, {"digital input", "binary_input"}, {"g1", "binary_input"}, {"g2", "binary_input"}, {"double bit input", "double_bit_input"}, {"double bit", "double_bit_input"}, {"dbi", "double_bit_input"},
                                  {"dbbi", "double_bit_input"}, {"g3", "double_bit_input"}, {"g4", "double_bit_input"}, {"binary output", "binary_output"}, {"bos", "binary_output"}, {"g10", "binary_output"}, {"binary output status", "binary_output"},
                                  {"analog input", "analog_input"}, {"ai", "analog_input"}, {"g30", "analog_input"}, {"g32", "analog_input"}, {"counter", "counter"}, {"ci", "counter"}, {"g20", "counter"}, {"brojac", "counter"}, {"accumulator", "counter"}};
constexpr Meaning modbus_tables_[] = {{"coil", "coil"}, {"coils", "coil"}, {"0x", "coil"}, {"do", "coil"}, {"1", "coil"}, {"5", "coil"}, {"15", "coil"}, {"discrete input", "discrete_input"}, {"discrete inputs", "discrete_input"}, {"discrete", "discrete_input"},
                                     {"1x", "discrete_input"}, {"di", "discrete_input"}, {"2", "discrete_input"}, {"holding register", "holding_register"}, {"holding registers", "holding_register"}, {"holding", "holding_register"}, {"hr", "holding_register"},
                                     {"4x", "holding_register"}, {"3", "holding_register"}, {"6", "holding_register"}, {"16", "holding_register"}, {"input register", "input_register"}, {"input registers", "input_register"}, {"input", "input_register"},
                                     {"ir", "input_register"}, {"3x", "input_register"}, {"4", "input_register"}};

}  // namespace

const std::span<const Meaning> directions = directions_, kinds = kinds_, modes = modes_, writables = writables_, dnp3_types = dnp3_types_, modbus_tables = modbus_tables_;
const std::span<const ShortType> short_types = short_types_;

std::string_view look_up(std::span<const Meaning> table, std::string_view word) {
  for (const Meaning& m : table)
    if (m.word == word) return m.means;
  return {};
}
std::string allowed(std::span<const Meaning> table) {
  std::set<std::string_view> all;
  for (const Meaning& m : table) all.insert(m.means);
  std::string out;
  for (std::string_view s : all) out += fmt::format("{}{}", out.empty() ? "" : ", ", s);
  return out;
}

std::string words_of(std::string_view s) {
  std::string out;
  for (const char c : folded(s)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || uint8_t(c) >= 0x80;
    if (letter) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}
bool contains_words(std::string_view text, std::string_view words) {
  for (size_t at = text.find(words); at != std::string_view::npos; at = text.find(words, at + 1))
    if ((at == 0 || text[at - 1] == ' ') && (at + words.size() == text.size() || text[at + words.size()] == ' ')) return true;
  return false;
}
std::optional<Field> field_of(std::string_view heading) {
  const std::string words = words_of(heading);
  if (words.empty() || words.size() > 80) return std::nullopt;
  const Heading* best = nullptr;
  for (const Heading& h : headings)
    if (contains_words(words, h.words) && (!best || h.words.size() > best->words.size())) best = &h;
  // A word in a long sentence is no heading; a short pattern must be nearly all of it.
  if (!best || words.size() > best->words.size() + 24 || (best->words.size() <= 2 && words.size() > best->words.size() + 8)) return std::nullopt;
  return best->field;
}

std::string_view name_of(Field f) { return field_names[size_t(f)]; }

std::string folded(std::string_view s) {
  struct Fold { char32_t from; std::string_view to; };
  static constexpr Fold folds[] = {
      {U'č', "c"}, {U'ć', "c"}, {U'đ', "d"}, {U'š', "s"}, {U'ž', "z"}, {U'Č', "c"}, {U'Ć', "c"}, {U'Đ', "d"}, {U'Š', "s"}, {U'Ž', "z"}, {U'ä', "a"}, {U'ö', "o"}, {U'ü', "u"}, {U'Ä', "a"}, {U'Ö', "o"}, {U'Ü', "u"}, {U'ß', "ss"}, {U'ë', "e"}, {U'ç', "c"},
      {U'а', "a"}, {U'б', "b"}, {U'в', "v"}, {U'г', "g"}, {U'д', "d"}, {U'ђ', "d"}, {U'е', "e"}, {U'ж', "z"}, {U'з', "z"}, {U'и', "i"}, {U'ј', "j"}, {U'й', "j"}, {U'к', "k"}, {U'л', "l"}, {U'љ', "lj"}, {U'м', "m"}, {U'н', "n"}, {U'њ', "nj"}, {U'о', "o"},
      {U'п', "p"}, {U'р', "r"}, {U'с', "s"}, {U'т', "t"}, {U'ћ', "c"}, {U'у', "u"}, {U'ф', "f"}, {U'х', "h"}, {U'ц', "c"}, {U'ч', "c"}, {U'џ', "dz"}, {U'ш', "s"}, {U'ѓ', "g"}, {U'ќ', "k"}, {U'ѕ', "dz"}, {U'\u00a0', " "}};
  std::string out;
  for (size_t i = 0; i < s.size();) {
    const uint8_t c = uint8_t(s[i]);
    const size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (n == 1) { out += c >= 'A' && c <= 'Z' ? char(c + 32) : char(c); i++; continue; }
    char32_t u = c & (0xff >> (n + 1));
    for (size_t k = 1; k < n && i + k < s.size(); k++) u = u << 6 | (uint8_t(s[i + k]) & 0x3f);
    if (u >= 0x410 && u <= 0x42f) u += 0x20;                   // А … Я
    if (u >= 0x400 && u <= 0x40f) u += 0x50;                   // Ђ … Џ
    const auto it = std::find_if(std::begin(folds), std::end(folds), [&](const Fold& f) { return f.from == u; });
    if (it != std::end(folds)) out += it->to;
    else out += s.substr(i, n);
    i += n;
  }
  return out;
}

}  // namespace vidra
