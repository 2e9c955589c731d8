// The cashier's page: asks the two voucher calls and shows the answer in big letters. The key stays in this tab.
"use strict";
const at = (id) => document.getElementById(id);
const login = at("login"), use = at("use"), result = at("result");
const kept = (name) => sessionStorage.getItem("kq_" + name) || "";
const vnd = (amount) => new Intl.NumberFormat("vi-VN").format(amount) + " ₫";
// A scanned picture may hold the address of the voucher's page.
const code = () => at("code").value.trim().split("/").pop();
const clock = (time) => new Date(time).toLocaleString("vi-VN", { timeZone: "Asia/Ho_Chi_Minh", dateStyle: "short", timeStyle: "short" });

function open(ready) {
  login.hidden = ready;
  use.hidden = !ready;
  at("home").value = kept("store");
  (ready ? at("code") : at("key")).focus();
}

function show(kind, big, small, english) {
  result.className = kind;
  const [, line, lineInEnglish] = result.children;
  result.children[0].textContent = big;
  line.textContent = small;
  lineInEnglish.textContent = english;
  result.hidden = false;
  result.scrollIntoView({ block: "nearest" });
}

async function ask(path, body) {
  const headers = { Authorization: "Bearer " + kept("key") };
  if (body) headers["Content-Type"] = "application/json";
  show("waiting", "…", "", "");
  let response, answer;
  try {
    response = await fetch("/v1/vouchers/" + path, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    answer = await response.json();
  } catch {
    show("wrong", "Mất kết nối", "Chưa biết mã đã dùng chưa. Thử lại với cùng số đơn, mã không bị trừ hai lần.", "No connection. Try again with the same order number; nothing is used twice.");
    return null;
  }
  if (response.ok) return answer;
  if (response.status === 401) {
    sessionStorage.removeItem("kq_key");
    open(false);
  }
  const refused = String(answer.type || "").endsWith("code") || String(answer.type || "").endsWith("refused");
  const [vietnamese, english] = refused ? String(answer.detail).split("\n") : [words[response.status] || "Không dùng được", answer.detail];
  const fields = refused ? "" : (answer.errors || []).map((error) => error.field + ": " + error.reason).join("; ");
  show("wrong", refused ? "KHÔNG DÙNG ĐƯỢC" : "LỖI", vietnamese, [english, fields].filter(Boolean).join(" "));
  return null;
}

const words = {
  400: "Có ô nhập chưa đúng.",
  401: "Khóa không đúng, nhập lại giúp em.",
  403: "Khóa này không dùng được cho cửa hàng hoặc việc này.",
  503: "Hệ thống đang bận, thử lại ngay giúp em.",
};

function worth(answer) {
  if (answer.unit === "VND") return "− " + vnd(answer.value);
  return answer.unit === "percent" ? "− " + answer.value + " %" : answer.gift;
}

async function check() {
  if (!code()) return;
  const found = await ask(encodeURIComponent(code()));
  if (!found) return;
  const limits = ["hết hạn " + clock(found.valid_until)];
  if (found.min_order) limits.push("đơn từ " + vnd(found.min_order));
  if (found.stores.length) limits.push("tại " + found.stores.join(", "));
  if (found.categories.length) limits.push("cho " + found.categories.join(", "));
  if (found.owner && !found.bearer) limits.push("khách " + found.owner);
  if (found.status === "open") show("good", worth(found), found.gift + "; " + limits.join("; "), found.gift_en);
  else if (found.status === "expired") show("wrong", "HẾT HẠN", "Hết hạn lúc " + clock(found.valid_until) + ".", "Expired.");
  else show("wrong", "ĐÃ DÙNG", "Lúc " + clock(found.redeemed.at) + ", cửa hàng " + (found.redeemed.store || "?") + ", đơn " + (found.redeemed.order_id || "?") + ".", "Used already.");
}

login.addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("kq_key", at("key").value.trim());
  sessionStorage.setItem("kq_store", at("home").value.trim());
  at("key").value = "";
  open(true);
});

use.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { order_id: at("order").value.trim(), store: kept("store") };
  const phone = at("phone").value.trim(), total = at("total").value.replace(/\D/g, "");
  if (phone) body.phone = phone;
  if (total) body.total = Number(total);
  const done = await ask(encodeURIComponent(code()) + "/redeem", body);
  if (!done) return;
  // The next customer begins with empty fields.
  use.reset();
  show("good", worth(done), "Đã dùng mã " + done.code + " cho đơn " + done.redeemed.order_id + ": " + done.gift + ".", done.gift_en);
});

at("check").addEventListener("click", check);
at("code").addEventListener("keydown", (event) => {
  // A scanner ends with Enter.
  if (event.key === "Enter") {
    event.preventDefault();
    check();
  }
});
at("leave").addEventListener("click", () => {
  sessionStorage.removeItem("kq_key");
  result.hidden = true;
  open(false);
});
open(Boolean(kept("key")));
