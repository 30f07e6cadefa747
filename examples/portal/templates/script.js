// Signs and sends in one step where the resident's signing agent answers. Without it,
// or without scripts, the page stays as it is: download, sign, upload.
"use strict";

(() => {
  const element = (id) => document.getElementById(id);
  const make = element("make");
  const send = element("send");
  const sign = element("sign");
  const byFile = element("by-file");
  const progress = element("progress");
  const help = element("make-help").textContent;
  const agent = make.dataset.agent;
  const words = JSON.parse(make.dataset.words);
  const options = { credentials: "omit", cache: "no-store" };

  class Refusal extends Error {
    constructor(code) {
      super(code);
      this.code = code;
    }
  }

  function sentence(code) {
    for (let key = code; key; key = key.slice(0, Math.max(0, key.lastIndexOf(".")))) {
      if (Object.hasOwn(words, key)) return words[key];
    }
    return words.other;
  }

  function say(code, failed = false) {
    progress.textContent = sentence(code);
    progress.classList.toggle("failed", failed);
    progress.hidden = false;
  }

  async function look() {
    let there = false;
    try {
      const answer = await fetch(`${agent}/status`, options);
      there = answer.ok && (await answer.json()).agent === "jpki";
    } catch {
      // Nobody listens there: no agent.
    }
    element("here").hidden = !there;
    element("other-way").hidden = !there;
    element("missing").hidden = there;
    element("download").classList.toggle("second", there);
    element("make-help").textContent = there ? words.make_help : help;
    fold(there && byFile.getAttribute("aria-expanded") === "false");
  }

  function fold(folded) {
    for (const part of document.querySelectorAll(".by-file")) part.hidden = folded;
  }

  function unfold() {
    byFile.setAttribute("aria-expanded", "true");
    fold(false);
  }

  async function made() {
    const body = new URLSearchParams(new FormData(make));
    const answer = await fetch(make.action, { method: "POST", body });
    if (!answer.ok) throw new Refusal("request");
    return new Uint8Array(await answer.arrayBuffer());
  }

  async function signed(application) {
    const body = JSON.stringify({
      purpose: "signature",
      format: "cms-detached",
      media_type: "application/xml",
      name: "application.xml",
      language: document.documentElement.lang,
      document: btoa(Array.from(application, (octet) => String.fromCharCode(octet)).join("")),
    });
    let answer;
    try {
      const headers = { "Content-Type": "application/json" };
      answer = await fetch(`${agent}/signatures`, { ...options, method: "POST", headers, body });
    } catch {
      throw new Refusal("gone");
    }
    const said = await answer.json();
    if (!answer.ok) throw new Refusal(said.code);
    return Uint8Array.from(atob(said.signature), (character) => character.charCodeAt(0));
  }

  function attach(id, octets, name) {
    const files = new DataTransfer();
    files.items.add(new File([octets], name));
    element(id).files = files.files;
  }

  async function signAndSend() {
    if (!make.reportValidity()) return;
    sign.disabled = true;
    try {
      say("making");
      const application = await made();
      say("confirm");
      const signature = await signed(application);
      say("sending");
      attach("application", application, "application.xml");
      attach("signature", signature, "application.p7s");
      send.requestSubmit();
    } catch (error) {
      say(error instanceof Refusal ? error.code : "other", true);
    } finally {
      sign.disabled = false;
    }
  }

  sign.addEventListener("click", signAndSend);
  byFile.addEventListener("click", unfold);
  // Whoever starts the agent meanwhile comes back to this page.
  window.addEventListener("focus", look);
  look();
})();
