// SPDX-License-Identifier: Apache-2.0
#include "dissectors/osi.h"

#include <algorithm>

namespace vidra::osi {
namespace {

constexpr uint8_t mms_syntax[] = {0x28, 0xca, 0x22, 0x02};          // 1.0.9506.2: abstract syntax .1 and .2, application context .3
constexpr uint8_t acse_syntax[] = {0x52, 0x01, 0x00, 0x01};         // 2.2.1.0.1

bool begins(Bytes b, Bytes with) { return b.size() >= with.size() && std::equal(with.begin(), with.end(), b.begin()); }

// ISO 8327-1, 8.2.5: one octet, or 255 and two.
size_t session_length(Reader& r) {
  const size_t n = r.u8();
  return n == 0xff ? r.be16() : n;
}

// ISO 8823-1, fully-encoded-data: the values of a list, each in its presentation context.
void values(Reader list, Heard& h, Contexts& contexts);

// ISO 8650-1: EXTERNAL of user-information.
void information(Reader list, Heard& h) {
  while (list) {
    Tlv e = tlv(list);
    list.require(e.tag == 0x28);
    while (e.body) {
      const Tlv part = tlv(e.body);
      if (part.tag == 0x02) h.context = uint32_t(unsigned_of(part.body));
      else if ((part.tag == 0xa0 || part.tag == 0x81 || part.tag == 0x82) && h.user.empty()) h.user = part.body.peek();
    }
  }
}

Authentication kind_of(Reader value) {
  if (!value) return Authentication::other;
  const Tlv v = tlv(value);
  switch (v.tag) {
    case 0x80: return v.body.left() ? Authentication::password : Authentication::empty_password;   // charstring
    case 0xa2: case 0xa3: return Authentication::certificate;                                     // IEC 62351-4: a signed value
    default: return Authentication::other;
  }
}

Bytes title(Reader b) {
  const Tlv t = tlv(b);
  return t.tag == 0x06 ? t.body.peek() : Bytes{};
}

void acse(uint32_t tag, Reader b, Heard& h) {
  h.apdu = Apdu(tag - 0x60 + 1);
  h.user = {};
  while (b) {
    Tlv e = tlv(b);
    if (e.tag == 0xbe) { information(e.body, h); continue; }
    switch (h.apdu) {
      case Apdu::aarq:
        if (e.tag == 0xa2) h.called_title = title(e.body);
        if (e.tag == 0xa6) h.calling_title = title(e.body);
        if (e.tag == 0xac) h.authentication = kind_of(e.body);
        break;
      case Apdu::aare:
        if (e.tag == 0xa2) h.result = uint8_t(unsigned_of(tlv(e.body).body));
        if (e.tag == 0xa3) { Tlv source = tlv(e.body); h.diagnostic = uint8_t(unsigned_of(tlv(source.body).body)); }
        if (e.tag == 0xaa) h.authentication = kind_of(e.body);
        break;
      case Apdu::abrt:
        if (e.tag == 0x80) h.diagnostic = uint8_t(unsigned_of(e.body));
        break;
      default: break;
    }
  }
}

void values(Reader list, Heard& h, Contexts& contexts) {
  while (list) {
    Tlv pdv = tlv(list);
    list.require(pdv.tag == 0x30);
    uint32_t context = 0;
    while (pdv.body) {
      Tlv e = tlv(pdv.body);
      if (e.tag == 0x02) { context = uint32_t(unsigned_of(e.body)); continue; }
      if (e.tag != 0xa0 && e.tag != 0x81 && e.tag != 0x82) continue;
      if (h.apdu != Apdu::none || !h.user.empty()) { h.more++; continue; }
      h.context = context;
      h.user = e.body.peek();
      Reader inside = e.body;
      const uint8_t first = inside.left() ? inside.peek()[0] : 0;
      if (first >= 0x60 && first <= 0x64 && contexts.of(context) != Contexts::mms && contexts.of(context) != Contexts::foreign) {
        Tlv apdu = tlv(inside);
        acse(apdu.tag, apdu.body, h);
      }
    }
  }
}

// The presentation's user data: fully or simply encoded.
void user_data(uint32_t tag, Reader b, Heard& h, Contexts& contexts) {
  if (tag == 0x61) return values(b, h, contexts);
  h.user = b.rest();
}

// CP and CPA (a SET), CPR (a SEQUENCE): mode, then the parameters of the normal mode.
void connection(Reader b, Heard& h, Contexts& contexts) {
  const auto parameters = [&](Reader p) {
    while (p) {
      Tlv e = tlv(p);
      if (e.tag == 0x61 || e.tag == 0x60) user_data(e.tag, e.body, h, contexts);
      else if (e.tag == 0x8a) h.reason = uint8_t(unsigned_of(e.body));
      else if (e.tag == 0xa4) {                                       // presentation-context-definition-list
        while (e.body) {
          Tlv item = tlv(e.body);
          const uint64_t id = unsigned_of(tlv(item.body).body);
          const Tlv syntax = tlv(item.body);
          const Bytes oid = syntax.body.peek();
          if (syntax.tag == 0x06) contexts.define(uint32_t(id), begins(oid, mms_syntax) ? Contexts::mms : begins(oid, acse_syntax) ? Contexts::acse : Contexts::foreign);
        }
      }
    }
  };
  if (h.ppdu == Ppdu::refuse) return parameters(b);
  while (b) {
    Tlv e = tlv(b);
    if (e.tag == 0xa2) parameters(e.body);
    else if (e.tag == 0x61 || e.tag == 0x60) user_data(e.tag, e.body, h, contexts);
  }
}

void presentation(Reader r, Heard& h, Contexts& contexts) {
  if (!r) return;
  Tlv e = tlv(r);
  switch (e.tag) {
    case 0x31:
      h.ppdu = h.spdu == Spdu::accept ? Ppdu::accept : Ppdu::connect;
      if (h.ppdu == Ppdu::connect) contexts.forget();
      connection(e.body, h, contexts);
      break;
    case 0x30:
      if (h.spdu == Spdu::abort) {
        h.ppdu = Ppdu::provider_abort;
        while (e.body) {
          const Tlv part = tlv(e.body);
          if (part.tag == 0x80) h.reason = uint8_t(unsigned_of(part.body));
        }
      } else {
        h.ppdu = Ppdu::refuse;
        connection(e.body, h, contexts);
      }
      break;
    case 0xa0:
      h.ppdu = Ppdu::user_abort;
      while (e.body) {
        Tlv part = tlv(e.body);
        if (part.tag == 0x61 || part.tag == 0x60) user_data(part.tag, part.body, h, contexts);
      }
      break;
    case 0x60: case 0x61:
      h.ppdu = Ppdu::user_data;
      user_data(e.tag, e.body, h, contexts);
      break;
    default: r.require(false);
  }
  r.finish();
}

}  // namespace

Heard hear(Bytes tsdu, Contexts& contexts) {
  Heard h;
  Reader r{tsdu, h.malformed};
  const uint8_t kind = r.u8();
  Reader b = r.sub(session_length(r));
  if (h.malformed) return h;
  h.spdu = Spdu(kind);
  if (kind == 1) {                                                   // category 0: GIVE TOKENS, and DATA TRANSFER behind it
    if (r) {
      r.require(r.u8() == 1);
      r.skip(session_length(r));
    }
    presentation(r, h, contexts);
    return h;
  }
  switch (h.spdu) {
    case Spdu::connect: case Spdu::accept: case Spdu::refuse: case Spdu::finish: case Spdu::disconnect: case Spdu::abort:
      while (b) {
        const uint8_t parameter = b.u8();
        Reader value = b.sub(session_length(b));
        if (parameter == 0xc1 || parameter == 0xc2) presentation(value, h, contexts);
        if (parameter == 50) {                                       // 8.3.5: reason code, and behind 2 the user's data
          h.reason = value.u8();
          if (h.reason == 2) presentation(value, h, contexts);
        }
      }
      break;
    case Spdu::not_finished: case Spdu::abort_accept: case Spdu::prepare: break;
    default: r.require(false);
  }
  r.finish();
  return h;
}

}  // namespace vidra::osi
