// SPDX-License-Identifier: Apache-2.0
// S7 communication, as TPKT | COTP | header | parameters | data, and what it says.
#include <gtest/gtest.h>

#include "tests/support/shown.h"

namespace vidra {
namespace {

const Enrol enrolled("s7", {
    {"connection and communication set up",
        {
         {Side::client, "03000016 | 11e00000000100 | c1020100c2020102c0010a"},
         {Side::server, "03000016 | 11d00001000200 | c1020100c2020102c0010a"},
         {Side::client, "03000019 | 02f080 | 32010000000000080000 | f0000001000101e0"},
         {Side::server, "0300001b | 02f080 | 320300000000000800000000 | f0000001000100f0"}}},
    {"variables of every type are read",
        {
         {Side::client, "03000019 | 02f080 | 32010000000000080000 | f0000001000101e0"},
         {Side::server, "0300001b | 02f080 | 320300000000000800000000 | f0000001000100f0"},
         {Side::client, "03000097 | 02f080 | 32010000000100860000 | "
          "040b120a10010001000584000053120a10020003000584000000120a10040001000081000010120a10050001000082000020 "
          "120a10060001000083000040120a10070001000584000050120a100800020005840000a0120a101c000100001c000003120a "
          "101d000100001d000004120a100f0001000584000190120a10030001000585000008"},
         {Side::server, "03000068 | 02f080 | 320300000001000200530000 | 040b | "
          "ff0300010100ff04001801020300ff0400101234ff050010fffeff04002000010000ff060004fffffffdff0700083fc00000 "
          "c0000000ff0900020013ff0900022123ff0900081612152340595006ff04000841"}}},
    {"one variable is read",
        {
         {Side::client, "0300001f | 02f080 | 32010000004d000e0000 | 0401120a10080001000a84000040"},
         {Side::server, "0300001d | 02f080 | 32030000004d000200080000 | 0401 | ff070004424a0000"}}},
    {"a variable that does not exist",
        {
         {Side::client, "0300002b | 02f080 | 320100000001001a0000 | 0402120a10020001006384000000120a10010001000083000001"},
         {Side::server, "0300001e | 02f080 | 320300000001000200090000 | 0402 | 0a000000ff03000100"}}},
    {"variables are written, one refused",
        {
         {Side::client, "03000039 | 02f080 | 320100000001001a000e | 0502120a10010001000584000053120a100800010005840000a0 | "
          "0003000101000007000442be0000"},
         {Side::server, "03000017 | 02f080 | 320300000001000200020000 | 0502 | ff03"}}},
    {"other ways to name a variable",
        {
         {Side::client, "0300003c | 02f080 | 320100000001002b0000 | "
          "04041207b0010400070014120eb2ff8a0e00051234abcd4000000a12088241000300017f01120499010203"},
         {Side::server, "03000035 | 02f080 | 320300000001000200200000 | 0404 | "
          "ff04002001020304ff0400101234ff0700043f800000ff090006616263646566"}}},
    {"a refused question",
        {
         {Side::client, "0300001f | 02f080 | 320100000001000e0000 | 0401120a10020001000184000000"},
         {Side::server, "03000013 | 02f080 | 320300000001000000008104"}}},
    {"a block is loaded into the controller",
        {
         {Side::client, "03000031 | 02f080 | 32010000000100200000 | "
          "1a00010000000000095f30413030303130500d31303030313130303030303632"},
         {Side::server, "03000014 | 02f080 | 320300000001000100000000 | 1a"},
         {Side::server, "03000023 | 02f080 | 32010000000900120000 | 1b00010000000000095f3041303030313050"},
         {Side::client, "0300001d | 02f080 | 320300000009000200080000 | 1b00 | 000400fb70700102"},
         {Side::server, "03000023 | 02f080 | 32010000000a00120000 | 1c00000000000000095f3041303030313050"},
         {Side::client, "03000014 | 02f080 | 32030000000a000100000000 | 1c"},
         {Side::client, "0300002b | 02f080 | 320100000003001a0000 | 28000000000000fd000a01003041303030313050055f494e5345"},
         {Side::server, "03000014 | 02f080 | 320300000003000100000000 | 28"}}},
    {"a block is read out",
        {
         {Side::client, "03000023 | 02f080 | 32010000000100120000 | 1d00000000000000095f3038303030303141"},
         {Side::server, "03000023 | 02f080 | 320300000001001000000000 | 1d000100000000070730303030313236"},
         {Side::client, "03000019 | 02f080 | 32010000000200080000 | 1e00000000000007"},
         {Side::server, "0300001d | 02f080 | 320300000002000200080000 | 1e00 | 000400fb70700102"},
         {Side::client, "03000019 | 02f080 | 32010000000300080000 | 1f00000000000007"},
         {Side::server, "03000014 | 02f080 | 320300000003000100000000 | 1f"}}},
    {"upload refused by an acknowledgement without data",
        {
         {Side::client, "03000023 | 02f080 | 32010000000100120000 | 1d00000000000000095f3038303030303141"},
         {Side::server, "03000013 | 02f080 | 32020000000100000000d241"}}},
    {"the program is stopped and started",
        {
         {Side::client, "03000021 | 02f080 | 32010000000100100000 | 29000000000009505f50524f4752414d"},
         {Side::server, "03000014 | 02f080 | 320300000001000100000000 | 29"},
         {Side::client, "03000025 | 02f080 | 32010000000200140000 | 28000000000000fd000009505f50524f4752414d"},
         {Side::server, "03000014 | 02f080 | 320300000002000100000000 | 28"},
         {Side::client, "03000027 | 02f080 | 32010000000300160000 | 28000000000000fd0002432009505f50524f4752414d"},
         {Side::server, "03000014 | 02f080 | 320300000003000100000000 | 28"},
         {Side::client, "03000023 | 02f080 | 32010000000400120000 | 28000000000000fd00024550055f4d4f4455"},
         {Side::server, "03000014 | 02f080 | 320300000004000100000000 | 28"},
         {Side::client, "03000021 | 02f080 | 32010000000500100000 | 28000000000000fd0000055f47415242"},
         {Side::server, "03000014 | 02f080 | 320300000005000100000000 | 28"},
         {Side::client, "0300002b | 02f080 | 320100000006001a0000 | 28000000000000fd000a01003045303030303742055f44454c45"},
         {Side::server, "03000014 | 02f080 | 320300000006000100000000 | 28"},
         {Side::client, "0300002d | 02f080 | 320100000007001c0000 | 28000000000000fd00080653554e52495345095f4e5f4c4f47494e5f"},
         {Side::server, "03000014 | 02f080 | 320300000007000100000000 | 28"},
         {Side::client, "03000024 | 02f080 | 32010000000800130000 | 28000000000000fd0000085f4e5f4f54484552"},
         {Side::server, "03000014 | 02f080 | 320300000008000100000000 | 28"}}},
    {"who the controller is",
        {
         {Side::client, "03000021 | 02f080 | 32070000000100080008 | 0001120411440100 | ff09000400110000"},
         {Side::server, "03000061 | 02f080 | 320700000001000c0044 | 000112081284010000000000 | "
          "ff09004000110000001c0002000136455337203331352d32454831342d304142302000c00004000100073645533720333135 "
          "2d32454831342d304142302000c056030206"},
         {Side::client, "03000021 | 02f080 | 32070000000200080008 | 0001120411440100 | ff090004001c0000"},
         {Side::server, "0300005b | 02f080 | 320700000002000c003e | 000112081284010001010000 | "
          "ff09003a001c000000220004000146656564657220504c430000000000000000000000000000000000000000000000074350 "
          "55203331352d3220504e2f44"},
         {Side::client, "0300001d | 02f080 | 32070000000300080004 | 0001120411440101 | 0a000000"},
         {Side::server, "03000077 | 02f080 | 320700000003000c005a | 000112081284010101000000 | "
          "ff09005650000000000000000000000000000000000000055320432d31000000000000000000000000000000000000000000 "
          "00000000000000044f726967696e616c205369656d656e732045717569706d656e74000000000000"},
         {Side::client, "03000021 | 02f080 | 32070000000400080008 | 0001120411440100 | ff09000404240000"},
         {Side::server, "03000021 | 02f080 | 320700000004000c0004 | 00011208128401000000d401 | 0a090000"}}},
    {"blocks are listed",
        {
         {Side::client, "0300001d | 02f080 | 32070000000100080004 | 0001120411430100 | 0a000000"},
         {Side::server, "03000029 | 02f080 | 320700000001000c000c | 000112081283010000000000 | ff0900083041000230380001"},
         {Side::client, "0300001f | 02f080 | 32070000000200080006 | 0001120411430200 | ff0900023041"},
         {Side::server, "03000029 | 02f080 | 320700000002000c000c | 000112081283020000000000 | ff09000800012205000a2205"},
         {Side::client, "03000025 | 02f080 | 3207000000030008000c | 0001120411430300 | ff0900083041303030313041"},
         {Side::server, "0300006f | 02f080 | 320700000003000c0052 | 000112081283030000000000 | "
          "ff09004e00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000 "
          "0000000000000000000000000000000000000000000000000000000000000000"}}},
    {"clock, password, messages, test functions",
        {
         {Side::client, "0300001d | 02f080 | 32070000000100080004 | 0001120411470100 | 0a000000"},
         {Side::server, "0300002b | 02f080 | 320700000001000c000e | 000112081287010000000000 | ff09000a00191612152340595006"},
         {Side::client, "03000027 | 02f080 | 3207000000020008000e | 0001120411470200 | ff09000a00192611220105405001"},
         {Side::server, "03000021 | 02f080 | 320700000002000c0004 | 000112081287020000000000 | ff000000"},
         {Side::client, "03000025 | 02f080 | 3207000000030008000c | 0001120411450100 | ff0900080102030405060708"},
         {Side::server, "03000021 | 02f080 | 320700000003000c0004 | 00011208128501000000d602 | 0a000000"},
         {Side::client, "03000027 | 02f080 | 3207000000040008000e | 0001120411440200 | ff09000a0100486d6952746d2020"},
         {Side::server, "03000025 | 02f080 | 320700000004000c0008 | 000112081284020000000000 | ff09000402000000"},
         {Side::client, "03000021 | 02f080 | 32070000000500080008 | 0001120411410900 | ff09000400010203"},
         {Side::server, "03000021 | 02f080 | 320700000005000c0004 | 000112081281090000000000 | ff090000"},
         {Side::server, "03000035 | 02f080 | 320700000000000c0018 | 000112081204030000000000 | "
          "ff0900140000000000000000000000000000000000000000"},
         {Side::client, "03000025 | 02f080 | 3207000000060008000c | 0001120411460100 | ff0900081206130000000001"},
         {Side::client, "0300001e | 02f080 | 32070000000700080005 | 00011204114f0100 | ff09000178"}}},
    {"variables come again and again",
        {
         {Side::client, "03000039 | 02f080 | 32070000000100080020 | 0001120411420100 | "
          "ff09001c00020102120a10080001000584000000120a10010001000584000021"},
         {Side::server, "03000030 | 02f080 | 320700000001000c0013 | 000112081282010003000000 | "
          "ff09000f0002ff0700043f800000ff03000101"},
         {Side::server, "03000030 | 02f080 | 320700000000000c0013 | 000112081202010003000000 | "
          "ff09000f0002ff07000440000000ff03000100"},
         {Side::client, "0300001f | 02f080 | 32070000000500080006 | 0001120411420400 | ff0900020300"},
         {Side::server, "03000021 | 02f080 | 320700000005000c0004 | 000112081282040000000000 | ff000000"}}},
    {"the controller changes its mode",
        {
         {Side::server, "03000019 | 02f080 | 32070000000000080000 | 0100101000000000"}}},
    {"the middle of a conversation",
        {
         {Side::server, "0300001b | 02f080 | 320300000005000200060000 | 0401 | ff0400101234"},
         {Side::client, "0300001f | 02f080 | 320100000006000e0000 | 0401120a10040001000083000008"}}},
    {"an answer in two transport parts",
        {
         {Side::client, "0300001f | 02f080 | 320100000008000e0000 | 0401120a100200c8000584000000"},
         {Side::server, "0300006b02f000 | "
          "320300000008000200cc00000401ff040640000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
          "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f5051"},
         {Side::server, "0300007d02f080 | "
          "52535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283 "
          "8485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5 "
          "b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7"}}},
    {"a length that lies",
        {
         {Side::client, "0300001f02f080 | 32010000000100400000 | 0401120a10020001000184000000"}},
     Carrier::tcp, true},
    {"more items than there are",
        {
         {Side::client, "0300001f | 02f080 | 320100000001000e0000 | 04ff120a10020001000184000000"}},
     Carrier::tcp, true},
    {"an item of 8,191 octets in ten",
        {
         {Side::client, "0300002d | 02f080 | 320100000001000e000e | 0501120a1002ffff000184000000 | 0004ffff31323334353637383930"}},
     Carrier::tcp, true},
    {"another protocol",
        {
         {Side::client, "03000019 | 02f080 | 32010000000100080000 | f0000001000101e0"},
         {Side::client, "0300000b02f080 | 72010000"}},
     Carrier::tcp, true},
});

TEST(S7, what_each_service_says) {
  const Says cases[] = {
      {"connection and communication set up",
       {"request COTP CR connection request: connection=\"programmer\" rack=0 slot=2",
        "response COTP CC connection confirm: connection=\"programmer\" rack=0 slot=2",
        "request setup communication: jobs at once=1 PDU size=480",
        "response setup communication: jobs at once=1 PDU size=240"}},
      {"variables of every type are read",
       {"request setup communication: jobs at once=1 PDU size=480",
        "response setup communication: jobs at once=1 PDU size=240",
        "request read variables: DB5.DBX10.3 DB5.DBX0.0.BYTE I2.0.WORD Q4.0.INT M8.0.DWORD DB5.DBX10.0.DINT DB5.DBX20.0.REAL C3 T4 "
         "DB5.DBX50.0.DATE_AND_TIME DB5.DBX1.0.CHAR",
        "response read variables: DB5.DBX10.3=on DB5.DBX0.0.BYTE=1 DB5.DBX1.0.BYTE=2 DB5.DBX2.0.BYTE=3 I2.0.WORD=4660 Q4.0.INT=-2 "
         "M8.0.DWORD=65536 DB5.DBX10.0.DINT=-3 DB5.DBX20.0.REAL=1.5 DB5.DBX24.0.REAL=-2 C3=19 T4=8483 DB5.DBX50.0.DATE_AND_TIME=time "
         "1481845259.500 DB5.DBX1.0.CHAR=65"}},
      {"one variable is read",
       {"request read variables: DB10.DBX8.0.REAL",
        "response read variables: DB10.DBX8.0.REAL=50.5"}},
      {"a variable that does not exist",
       {"request read variables: DB99.DBX0.0.BYTE M0.1",
        "response read variables: DB99.DBX0.0.BYTE!object does not exist M0.1=off"}},
      {"variables are written, one refused",
       {"request write variables: DB5.DBX10.3=on DB5.DBX20.0.REAL=95",
        "response write variables refused : DB5.DBX10.3 DB5.DBX20.0.REAL!access not allowed"}},
      {"other ways to name a variable",
       {"request read variables retained: DB7.DBX20.0.BYTE DB5 #1234abcd.a NCK area 2 unit 1 module 7f column 3 line 1",
        "response read variables: DB7.DBX20.0.BYTE=1 DB7.DBX21.0.BYTE=2 DB7.DBX22.0.BYTE=3 DB7.DBX23.0.BYTE=4 DB5 #1234abcd.a=4660 "
         "NCK area 2 unit 1 module 7f column 3 line 1=1 =6 octets"}},
      {"a refused question",
       {"request read variables: DB1.DBX0.0.BYTE",
        "response read variables refused service not implemented, or a frame error: DB1.DBX0.0.BYTE"}},
      {"a block is loaded into the controller",
       {"request request download: DB10 load memory=110",
        "response request download: DB10",
        "request download block: DB10",
        "response download block retained: DB10 =4 octets",
        "request download ended: DB10",
        "response download ended: DB10",
        "request insert blocks (_INSE): DB10",
        "response insert blocks (_INSE): DB10"}},
      {"a block is read out",
       {"request start upload: OB1",
        "response start upload: OB1",
        "request upload",
        "response upload retained: =4 octets",
        "request end upload",
        "response end upload"}},
      {"upload refused by an acknowledgement without data",
       {"request start upload: OB1",
        "response start upload refused not permitted at this protection level: OB1"}},
      {"the program is stopped and started",
       {"request stop program",
        "response stop program",
        "request start program (P_PROGRAM)",
        "response start program (P_PROGRAM)",
        "request start program (P_PROGRAM): argument=\"C\"",
        "response start program (P_PROGRAM)",
        "request copy RAM to ROM (_MODU): argument=\"EP\"",
        "response copy RAM to ROM (_MODU)",
        "request compress memory (_GARB)",
        "response compress memory (_GARB)",
        "request delete blocks (_DELE): FB7",
        "response delete blocks (_DELE): FB7",
        "request log in (_N_LOGIN_): password=\"other\"",
        "response log in (_N_LOGIN_)",
        "request program invocation: service=\"_N_OTHER\"",
        "response program invocation"}},
      {"who the controller is",
       {"request read SZL: SZL 0x0011.0000",
        "response read SZL: SZL 0x0011.0000",
        "request read SZL: SZL 0x001C.0000",
        "response read SZL: SZL 0x001C.0000",
        "request read SZL",
        "response read SZL",
        "request read SZL: SZL 0x0424.0000",
        "response read SZL refused information not available"}},
      {"blocks are listed",
       {"request list blocks",
        "response list blocks: DB=2 OB=1",
        "request list blocks of type: DB",
        "response list blocks of type: DB1 DB10",
        "request block information: DB10",
        "response block information: DB10"}},
      {"clock, password, messages, test functions",
       {"request read clock",
        "response read clock: clock=time 1481845259.500",
        "request set clock: clock=time 1795309540.500",
        "response set clock",
        "request enter password: password=\"other\"",
        "response enter password refused incorrect password",
        "request message service retained",
        "response message service retained",
        "request force retained",
        "response force",
        "report diagnostic message retained",
        "request BSEND/BRCV retained",
        "request NC: request download retained"}},
      {"variables come again and again",
       {"request cyclic transfer: DB5.DBX0.0.REAL DB5.DBX4.1 every (ms)=2000",
        "response cyclic transfer: DB5.DBX0.0.REAL=1 DB5.DBX4.1=on",
        "report cyclic transfer: DB5.DBX0.0.REAL=2 DB5.DBX4.1=off",
        "request end cyclic transfer retained",
        "response end cyclic transfer"}},
      {"the controller changes its mode",
       {"report mode transition: STOP"}},
      {"the middle of a conversation",
       {"response read variables unpaired: =4660",
        "request read variables: M1.0.WORD"}},
      {"an answer in two transport parts",
       {"request read variables: DB5.DBX0.0.BYTE",
        "response read variables: DB5.DBX0.0.BYTE=0 DB5.DBX1.0.BYTE=1 DB5.DBX2.0.BYTE=2 DB5.DBX3.0.BYTE=3 DB5.DBX4.0.BYTE=4 "
         "DB5.DBX5.0.BYTE=5 DB5.DBX6.0.BYTE=6 DB5.DBX7.0.BYTE=7 DB5.DBX8.0.BYTE=8 DB5.DBX9.0.BYTE=9 DB5.DBX10.0.BYTE=10 "
         "DB5.DBX11.0.BYTE=11 DB5.DBX12.0.BYTE=12 DB5.DBX13.0.BYTE=13 DB5.DBX14.0.BYTE=14 DB5.DBX15.0.BYTE=15 DB5.DBX16.0.BYTE=16 "
         "DB5.DBX17.0.BYTE=17 DB5.DBX18.0.BYTE=18 DB5.DBX19.0.BYTE=19 DB5.DBX20.0.BYTE=20 DB5.DBX21.0.BYTE=21 DB5.DBX22.0.BYTE=22 "
         "DB5.DBX23.0.BYTE=23 DB5.DBX24.0.BYTE=24 DB5.DBX25.0.BYTE=25 DB5.DBX26.0.BYTE=26 DB5.DBX27.0.BYTE=27 DB5.DBX28.0.BYTE=28 "
         "DB5.DBX29.0.BYTE=29 DB5.DBX30.0.BYTE=30 DB5.DBX31.0.BYTE=31 DB5.DBX32.0.BYTE=32 DB5.DBX33.0.BYTE=33 DB5.DBX34.0.BYTE=34 "
         "DB5.DBX35.0.BYTE=35 DB5.DBX36.0.BYTE=36 DB5.DBX37.0.BYTE=37 DB5.DBX38.0.BYTE=38 DB5.DBX39.0.BYTE=39 DB5.DBX40.0.BYTE=40 "
         "DB5.DBX41.0.BYTE=41 DB5.DBX42.0.BYTE=42 DB5.DBX43.0.BYTE=43 DB5.DBX44.0.BYTE=44 DB5.DBX45.0.BYTE=45 DB5.DBX46.0.BYTE=46 "
         "DB5.DBX47.0.BYTE=47 DB5.DBX48.0.BYTE=48 DB5.DBX49.0.BYTE=49 DB5.DBX50.0.BYTE=50 DB5.DBX51.0.BYTE=51 DB5.DBX52.0.BYTE=52 "
         "DB5.DBX53.0.BYTE=53 DB5.DBX54.0.BYTE=54 DB5.DBX55.0.BYTE=55 DB5.DBX56.0.BYTE=56 DB5.DBX57.0.BYTE=57 DB5.DBX58.0.BYTE=58 "
         "DB5.DBX59.0.BYTE=59 DB5.DBX60.0.BYTE=60 DB5.DBX61.0.BYTE=61 DB5.DBX62.0.BYTE=62 DB5.DBX63.0.BYTE=63 DB5.DBX64.0.BYTE=64 "
         "DB5.DBX65.0.BYTE=65 DB5.DBX66.0.BYTE=66 DB5.DBX67.0.BYTE=67 DB5.DBX68.0.BYTE=68 DB5.DBX69.0.BYTE=69 DB5.DBX70.0.BYTE=70 "
         "DB5.DBX71.0.BYTE=71 DB5.DBX72.0.BYTE=72 DB5.DBX73.0.BYTE=73 DB5.DBX74.0.BYTE=74 DB5.DBX75.0.BYTE=75 DB5.DBX76.0.BYTE=76 "
         "DB5.DBX77.0.BYTE=77 DB5.DBX78.0.BYTE=78 DB5.DBX79.0.BYTE=79 DB5.DBX80.0.BYTE=80 DB5.DBX81.0.BYTE=81 DB5.DBX82.0.BYTE=82 "
         "DB5.DBX83.0.BYTE=83 DB5.DBX84.0.BYTE=84 DB5.DBX85.0.BYTE=85 DB5.DBX86.0.BYTE=86 DB5.DBX87.0.BYTE=87 DB5.DBX88.0.BYTE=88 "
         "DB5.DBX89.0.BYTE=89 DB5.DBX90.0.BYTE=90 DB5.DBX91.0.BYTE=91 DB5.DBX92.0.BYTE=92 DB5.DBX93.0.BYTE=93 DB5.DBX94.0.BYTE=94 "
         "DB5.DBX95.0.BYTE=95 DB5.DBX96.0.BYTE=96 DB5.DBX97.0.BYTE=97 DB5.DBX98.0.BYTE=98 DB5.DBX99.0.BYTE=99 DB5.DBX100.0.BYTE=100 "
         "DB5.DBX101.0.BYTE=101 DB5.DBX102.0.BYTE=102 DB5.DBX103.0.BYTE=103 DB5.DBX104.0.BYTE=104 DB5.DBX105.0.BYTE=105 "
         "DB5.DBX106.0.BYTE=106 DB5.DBX107.0.BYTE=107 DB5.DBX108.0.BYTE=108 DB5.DBX109.0.BYTE=109 DB5.DBX110.0.BYTE=110 "
         "DB5.DBX111.0.BYTE=111 DB5.DBX112.0.BYTE=112 DB5.DBX113.0.BYTE=113 DB5.DBX114.0.BYTE=114 DB5.DBX115.0.BYTE=115 "
         "DB5.DBX116.0.BYTE=116 DB5.DBX117.0.BYTE=117 DB5.DBX118.0.BYTE=118 DB5.DBX119.0.BYTE=119 DB5.DBX120.0.BYTE=120 "
         "DB5.DBX121.0.BYTE=121 DB5.DBX122.0.BYTE=122 DB5.DBX123.0.BYTE=123 DB5.DBX124.0.BYTE=124 DB5.DBX125.0.BYTE=125 "
         "DB5.DBX126.0.BYTE=126 DB5.DBX127.0.BYTE=127 DB5.DBX128.0.BYTE=128 DB5.DBX129.0.BYTE=129 DB5.DBX130.0.BYTE=130 "
         "DB5.DBX131.0.BYTE=131 DB5.DBX132.0.BYTE=132 DB5.DBX133.0.BYTE=133 DB5.DBX134.0.BYTE=134 DB5.DBX135.0.BYTE=135 "
         "DB5.DBX136.0.BYTE=136 DB5.DBX137.0.BYTE=137 DB5.DBX138.0.BYTE=138 DB5.DBX139.0.BYTE=139 DB5.DBX140.0.BYTE=140 "
         "DB5.DBX141.0.BYTE=141 DB5.DBX142.0.BYTE=142 DB5.DBX143.0.BYTE=143 DB5.DBX144.0.BYTE=144 DB5.DBX145.0.BYTE=145 "
         "DB5.DBX146.0.BYTE=146 DB5.DBX147.0.BYTE=147 DB5.DBX148.0.BYTE=148 DB5.DBX149.0.BYTE=149 DB5.DBX150.0.BYTE=150 "
         "DB5.DBX151.0.BYTE=151 DB5.DBX152.0.BYTE=152 DB5.DBX153.0.BYTE=153 DB5.DBX154.0.BYTE=154 DB5.DBX155.0.BYTE=155 "
         "DB5.DBX156.0.BYTE=156 DB5.DBX157.0.BYTE=157 DB5.DBX158.0.BYTE=158 DB5.DBX159.0.BYTE=159 DB5.DBX160.0.BYTE=160 "
         "DB5.DBX161.0.BYTE=161 DB5.DBX162.0.BYTE=162 DB5.DBX163.0.BYTE=163 DB5.DBX164.0.BYTE=164 DB5.DBX165.0.BYTE=165 "
         "DB5.DBX166.0.BYTE=166 DB5.DBX167.0.BYTE=167 DB5.DBX168.0.BYTE=168 DB5.DBX169.0.BYTE=169 DB5.DBX170.0.BYTE=170 "
         "DB5.DBX171.0.BYTE=171 DB5.DBX172.0.BYTE=172 DB5.DBX173.0.BYTE=173 DB5.DBX174.0.BYTE=174 DB5.DBX175.0.BYTE=175 "
         "DB5.DBX176.0.BYTE=176 DB5.DBX177.0.BYTE=177 DB5.DBX178.0.BYTE=178 DB5.DBX179.0.BYTE=179 DB5.DBX180.0.BYTE=180 "
         "DB5.DBX181.0.BYTE=181 DB5.DBX182.0.BYTE=182 DB5.DBX183.0.BYTE=183 DB5.DBX184.0.BYTE=184 DB5.DBX185.0.BYTE=185 "
         "DB5.DBX186.0.BYTE=186 DB5.DBX187.0.BYTE=187 DB5.DBX188.0.BYTE=188 DB5.DBX189.0.BYTE=189 DB5.DBX190.0.BYTE=190 "
         "DB5.DBX191.0.BYTE=191 DB5.DBX192.0.BYTE=192 DB5.DBX193.0.BYTE=193 DB5.DBX194.0.BYTE=194 DB5.DBX195.0.BYTE=195 "
         "DB5.DBX196.0.BYTE=196 DB5.DBX197.0.BYTE=197 DB5.DBX198.0.BYTE=198 DB5.DBX199.0.BYTE=199"}},
      {"a length that lies",
       {"request CPU services malformed retained"}},
      {"more items than there are",
       {"request read variables malformed retained: DB1.DBX0.0.BYTE"}},
      {"an item of 8,191 octets in ten",
       {"request write variables malformed"}},
      {"another protocol",
       {"request setup communication: jobs at once=1 PDU size=480",
        "request data of another protocol malformed retained"}},
  };
  expect_said("s7", cases);
}

TEST(S7, roles_come_from_the_pdu_and_answers_find_their_questions) {
  Heard s7("s7");
  Sentence s = s7(Side::client, "0300001f 02f080 32010000004d000e0000 0401120a10080001000a84000040");
  EXPECT_EQ(s.head.role, Role::request);
  EXPECT_EQ(s.head.act, Act::read);
  EXPECT_EQ(s.head.tag, 77u);
  EXPECT_EQ(s.points[0].object, Object(ObjectKind::data_block, 64, 10));
  EXPECT_EQ(s.points[0].count, 32u) << "bits of a REAL";
  s = s7(Side::server, "0300001d 02f080 32030000004d000200080000 0401 ff070004424a0000");
  EXPECT_EQ(s.head.role, Role::response);
  EXPECT_FALSE(s.head.unpaired);
  EXPECT_EQ(s.points[0].object, Object(ObjectKind::data_block, 64, 10));
  EXPECT_EQ(s.points[0].number(), 50.5);
  s = s7(Side::server, "03000023 02f080 32010000000900120000 1b00010000000000095f3041303030313050");   // the controller asks for a block
  EXPECT_EQ(s.head.role, Role::request);
  EXPECT_EQ(s.head.act, Act::program);
}

TEST(S7, who_the_controller_is) {
  Heard s7("s7");
  std::string said;
  for (const Enrolled& e : samples())
    if (e.protocol == "s7" && e.sample.name == "who the controller is")
      for (const SampleRecord& r : e.sample.records) s7(r.from, r.hex);
  ASSERT_EQ(s7.identities.size(), 2u);
  const auto text = [&](uint64_t key) { return key ? s7.identity_texts().at(key) : std::string(); };
  EXPECT_EQ(text(s7.identities[0].model), "6ES7 315-2EH14-0AB0");
  EXPECT_EQ(text(s7.identities[0].firmware), "V3.2.6");
  EXPECT_EQ(text(s7.identities[1].name), "Feeder PLC");
  EXPECT_EQ(text(s7.identities[1].product), "CPU 315-2 PN/DP");
  EXPECT_EQ(text(s7.identities[1].serial), "S C-1");
  EXPECT_EQ(text(s7.identities[1].vendor), "Original Siemens Equipment");
}

// What else begins with a TPKT: RDP's connection request has no selectors, MMS's presentation begins otherwise.
TEST(S7, others_on_port_102_are_left_alone) {
  const auto sure = [](std::string_view up, std::string_view down) { return protocol_named("s7").recognises(hex(up), hex(down), Carrier::tcp).sure; };
  EXPECT_EQ(sure("0300002b 26e00000000000 436f6f6b69653a206d737473686173683d61646d696e0d0a 0100080003000000", ""), Recognised::no);
  EXPECT_EQ(sure("03000013 0ee0000000000001000800 03000000", "03000013 0ed00000123400021f0800 02000000"), Recognised::no);
  EXPECT_EQ(sure("03000016 11e00000000100c1020100c2020102c0010a", ""), Recognised::maybe);
  EXPECT_EQ(sure("03000016 11e00000000100c1020001c2020001c0010a 0300000b 02f080 0d01 0000", ""), Recognised::no);
  EXPECT_EQ(sure("0300000b 02f080 72010000", ""), Recognised::no);
}

}  // namespace
}  // namespace vidra
