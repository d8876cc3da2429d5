/* SPDX-License-Identifier: Apache-2.0 */
#include "orders/currency.h"

#include <string.h>

static const char codes[] =
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP "
    "GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR "
    "KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK "
    "MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR "
    "SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS "
    "UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ";

static const char without_digits[] =
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF ";
static const char with_three_digits[] = "BHD IQD JOD KWD LYD OMR TND ";

static bool is_among(const char *list, struct str code)
{
    if (code.len != 3)
        return false;
    for (const char *at = list; *at != '\0'; at += 4)
        if (memcmp(at, code.data, 3) == 0)
            return true;
    return false;
}

bool currency_is_known(struct str code)
{
    return is_among(codes, code);
}

int currency_minor_digits(struct str code)
{
    if (is_among(without_digits, code))
        return 0;
    return is_among(with_three_digits, code) ? 3 : 2;
}
