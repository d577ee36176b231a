// Starts Swagger UI on the description that the page names. Loads nothing from anywhere else and keeps nothing: a token
// lives in the page's memory, and only when its reader puts it there.
"use strict";

const page = document.getElementById("docs");
const found = document.getElementById("found");
let token = null;

// Swagger UI has a dark form, chosen by a class.
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

const ui = SwaggerUIBundle({
  url: page.dataset.description,
  domNode: page,
  deepLinking: true,
  filter: true,
  docExpansion: page.dataset.expansion,
  defaultModelsExpandDepth: 0,
  defaultModelRendering: "example",
  displayRequestDuration: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  validatorUrl: null,
  // Who tries a log-in out may go on with its token, without copying it.
  responseInterceptor: (answer) => {
    const tokens = answer.body ?? answer.obj;
    if (answer.ok && tokens && typeof tokens.access_token === "string") {
      token = tokens.access_token;
      found.hidden = false;
    }
    return answer;
  },
});

document.getElementById("use").addEventListener("click", () => {
  ui.preauthorizeApiKey("bearer", token);
  token = null;
  found.hidden = true;
});
