"use strict";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
function paint() {
  document.documentElement.classList.toggle("dark-mode", prefersDark.matches);
}
prefersDark.addEventListener("change", paint);
paint();

// Nothing here is asked of another host: no validator, no fonts, no maps.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger",
  validatorUrl: null,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  syntaxHighlight: false,
  // The page has a main part already.
  onComplete: () => document.querySelector("#swagger main")?.setAttribute("role", "group"),
});
